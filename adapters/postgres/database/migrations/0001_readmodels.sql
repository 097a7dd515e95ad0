-- Read models. The tables of projections are made as projections come and go; here is what
-- they have in common.

-- The roles are the server's: who owns another database of it may become them too, and must
-- not get in here.
DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$;

-- Owners of rows, interned: a key of two ULIDs becomes a small integer in rows and indexes.
CREATE TABLE lonja.owners (
	number  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account text COLLATE "C" NOT NULL CHECK (account <> ''),
	contact text COLLATE "C" NOT NULL, -- '' for the account itself
	UNIQUE (account, contact)
);

CREATE TABLE lonja.generations (
	number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	projection text    NOT NULL,
	version    bigint  NOT NULL,
	state      text    NOT NULL CHECK (state IN ('live', 'building', 'old', 'gone')), -- gone: its tables are to be dropped
	sealed     boolean NOT NULL,
	checkpoint bigint  NOT NULL,
	epoch      bigint  NOT NULL,
	erased     bigint  NOT NULL DEFAULT 0, -- erasures whose rows the pages of its tables may still hold
	tables     json    NOT NULL
) WITH (fillfactor = 20); -- a checkpoint moves within its page
CREATE UNIQUE INDEX generations_live ON lonja.generations (projection) WHERE state = 'live';

CREATE TABLE lonja.parked (
	generation bigint  NOT NULL REFERENCES lonja.generations ON DELETE CASCADE,
	position   bigint  NOT NULL,
	account    text    NOT NULL,
	contact    text    NOT NULL,
	stream     text    NOT NULL,
	revision   bigint  NOT NULL,
	type       text    NOT NULL,
	reason     text    NOT NULL,
	at         bigint  NOT NULL, -- milliseconds since 1970
	skipped    boolean NOT NULL,
	PRIMARY KEY (generation, position)
);

-- Moves a checkpoint by compare-and-set, or fails the transaction that it is in.
CREATE FUNCTION lonja.advance(generation bigint, was bigint, becomes bigint, as_of bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE lonja.generations g SET checkpoint = becomes
	WHERE g.number = generation AND g.checkpoint = was AND g.epoch = as_of AND g.sealed AND g.state <> 'gone';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'generation % is not at checkpoint % in epoch %', generation, was, as_of USING ERRCODE = 'LJ001';
	END IF;
END
$$;

-- Who asks on behalf of people may read, and only what is bound in its transaction: the
-- account in lonja.account and, by lonja.scope, 'contact': the rows of the contact in
-- lonja.contact; 'account': the rows of the account itself; 'contacts': the rows of all.
-- What is bound counts with its proof in lonja.proof, which only who knows the secret can
-- make: a query that got to hold foreign SQL can't bind itself to another contact.
CREATE TABLE lonja.binding (secret bytea NOT NULL);
INSERT INTO lonja.binding SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

-- The number of the owner that the transaction is bound to: of a contact or the account
-- itself, or with whole of the account all of whose contacts it may see. NULL for none.
CREATE FUNCTION lonja.bound(whole boolean) RETURNS integer LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	of_scope text := current_setting('lonja.scope', true);
	of_account text := current_setting('lonja.account', true);
	of_contact text := coalesce(current_setting('lonja.contact', true), '');
BEGIN
	IF whole <> (of_scope = 'contacts') OR of_scope = 'contact' AND of_contact = '' OR of_scope <> 'contact' AND of_contact <> '' THEN
		RETURN NULL;
	END IF;
	RETURN (SELECT w.number FROM lonja.owners w, lonja.binding b WHERE w.account = of_account AND w.contact = of_contact
		AND encode(sha256(b.secret || sha256(b.secret || convert_to(of_scope, 'UTF8') || '\x00'::bytea || convert_to(of_account, 'UTF8') || '\x00'::bytea || convert_to(of_contact, 'UTF8'))), 'hex')
			= current_setting('lonja.proof', true));
END
$$;

GRANT USAGE ON SCHEMA lonja TO lonja_reader, lonja_writer;
GRANT SELECT, INSERT, UPDATE (contact) ON lonja.owners TO lonja_writer;
GRANT SELECT, UPDATE ON lonja.generations TO lonja_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON lonja.parked TO lonja_writer;
