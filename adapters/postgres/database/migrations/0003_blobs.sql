-- Attachments, sealed before they come here, in parts: of their owner alone.
CREATE SCHEMA lonja_blobs;

CREATE TABLE lonja_blobs.blobs (
	number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account  bytea   NOT NULL,
	contact  bytea   NOT NULL,
	document bytea   NOT NULL,
	name     bytea,            -- NULL until it is committed
	size     bigint  NOT NULL,
	note     bytea   NOT NULL,
	kept     bigint  NOT NULL, -- milliseconds since 1970
	settled  boolean NOT NULL, -- an event names it
	begun    timestamptz NOT NULL DEFAULT now(), -- when its newest part came
	UNIQUE (account, contact, document, name)
);
CREATE INDEX blobs_loose ON lonja_blobs.blobs (account, kept) WHERE NOT settled;
CREATE INDEX blobs_begun ON lonja_blobs.blobs (begun) WHERE name IS NULL;
CREATE TABLE lonja_blobs.parts (
	blob bigint  NOT NULL REFERENCES lonja_blobs.blobs ON DELETE CASCADE,
	n    integer NOT NULL,
	data bytea   NOT NULL,
	PRIMARY KEY (blob, n)
);
ALTER TABLE lonja_blobs.parts ALTER COLUMN data SET STORAGE EXTERNAL; -- what is sealed can't be compressed
