-- Nodes share the work of projections: each generation is followed by partitions of its
-- owners, with a checkpoint and an epoch each. How many there are is settled by the first
-- node that opens the database, and for ever: rows are where it says.
CREATE TABLE lonja.partitioning (
	one   boolean PRIMARY KEY DEFAULT true CHECK (one),
	parts integer NOT NULL CHECK (parts BETWEEN 1 AND 1024)
);
INSERT INTO lonja.partitioning (parts) SELECT 16 WHERE EXISTS (SELECT FROM lonja.generations);

CREATE TABLE lonja.partitions (
	generation bigint  NOT NULL REFERENCES lonja.generations ON DELETE CASCADE,
	part       integer NOT NULL,
	checkpoint bigint  NOT NULL,
	epoch      bigint  NOT NULL,
	PRIMARY KEY (generation, part)
) WITH (fillfactor = 20); -- checkpoints move within their page
INSERT INTO lonja.partitions SELECT g.number, p.part, g.checkpoint, g.epoch FROM lonja.generations g, generate_series(0, 15) p (part);
ALTER TABLE lonja.generations DROP COLUMN checkpoint, DROP COLUMN epoch;

-- Moves the checkpoints of partitions by compare-and-set, or fails the transaction that it
-- is in. They are locked in order, so that two that move some of the same wait for each other.
DROP FUNCTION lonja.advance(bigint, bigint, bigint, bigint);
CREATE FUNCTION lonja.advance(of_generation bigint, of_parts integer[], epochs bigint[], was bigint, becomes bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	moved integer;
BEGIN
	PERFORM FROM lonja.partitions p WHERE p.generation = of_generation AND p.part = ANY(of_parts) ORDER BY p.part FOR UPDATE;
	UPDATE lonja.partitions p SET checkpoint = becomes FROM unnest(of_parts, epochs) k (part, epoch)
	WHERE p.generation = of_generation AND p.part = k.part AND p.epoch = k.epoch AND p.checkpoint = was
		AND EXISTS (SELECT FROM lonja.generations g WHERE g.number = of_generation AND g.sealed AND g.state <> 'gone');
	GET DIAGNOSTICS moved = ROW_COUNT;
	IF moved = 0 OR moved <> cardinality(of_parts) THEN
		RAISE EXCEPTION 'partitions % of generation % are not at checkpoint % in epochs %', of_parts, of_generation, was, epochs USING ERRCODE = 'LJ001';
	END IF;
END
$$;
GRANT SELECT, UPDATE ON lonja.partitions TO lonja_writer;

-- Nodes that run, and what each of them alone may do for a while. All times are this
-- server's. An epoch grows with each new holder: who was one before is told so.
CREATE TABLE lonja.nodes (
	node  text PRIMARY KEY,
	able  boolean     NOT NULL, -- may hold partitions: none of its projections waits to be rebuilt
	until timestamptz NOT NULL
);
CREATE TABLE lonja.leases (
	name   text PRIMARY KEY,
	holder text        NOT NULL DEFAULT '',
	epoch  bigint      NOT NULL DEFAULT 0,
	until  timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20);
