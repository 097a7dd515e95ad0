-- The vault: of its owner alone. Neither who reads for people nor projections may see it.
-- Texts are bytes: what people send in place of a name or a key need be no UTF-8.
CREATE SCHEMA lonja_vault;

CREATE TABLE lonja_vault.meta (name text PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE lonja_vault.keys (
	account bytea NOT NULL,
	subject bytea NOT NULL,
	wrapped bytea,           -- NULL once erased
	PRIMARY KEY (account, subject)
);
CREATE TABLE lonja_vault.passwords (
	account bytea NOT NULL,
	login   bytea NOT NULL,
	owner   bytea NOT NULL,
	hash    text  NOT NULL,  -- Argon2id, salted per login
	tag     bytea NOT NULL,  -- Argon2id, salted per account, under the master key: finds equal passwords
	PRIMARY KEY (account, login)
);
CREATE INDEX passwords_tag ON lonja_vault.passwords (account, tag);
CREATE TABLE lonja_vault.tokens (
	hash    bytea  PRIMARY KEY,
	account bytea  NOT NULL,
	purpose bytea  NOT NULL,
	subject bytea  NOT NULL,
	contact bytea  NOT NULL,
	expires bigint NOT NULL  -- milliseconds since 1970, here and below; 0 never
);
CREATE INDEX tokens_subject ON lonja_vault.tokens (account, purpose, subject);
CREATE TABLE lonja_vault.sessions (
	hash    bytea  PRIMARY KEY,
	account bytea  NOT NULL,
	contact bytea  NOT NULL,
	kind    bytea  NOT NULL,
	actor   bytea  NOT NULL,
	created bigint NOT NULL,
	seen    bigint NOT NULL,
	expires bigint NOT NULL,
	agent   bytea  NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_actor ON lonja_vault.sessions (account, kind, actor);
CREATE INDEX sessions_expires ON lonja_vault.sessions (expires);
CREATE TABLE lonja_vault.checkpoints (name text PRIMARY KEY, position bigint NOT NULL) WITH (fillfactor = 20);
CREATE TABLE lonja_vault.parked (
	name     text    NOT NULL,
	position bigint  NOT NULL,
	account  text    NOT NULL,
	contact  text    NOT NULL,
	stream   text    NOT NULL,
	revision bigint  NOT NULL,
	type     text    NOT NULL,
	reason   text    NOT NULL, -- "" for those that wait behind another
	at       bigint  NOT NULL,
	skipped  boolean NOT NULL, -- a record only
	PRIMARY KEY (name, position)
);
CREATE INDEX parked_contact ON lonja_vault.parked (account, contact);
CREATE TABLE lonja_vault.requests (
	account     bytea  NOT NULL,
	key         bytea  NOT NULL, -- blinded
	fingerprint bytea  NOT NULL, -- blinded: a request may hold a password
	expires     bigint NOT NULL,
	PRIMARY KEY (account, key)
);
CREATE INDEX requests_expires ON lonja_vault.requests (expires);
CREATE TABLE lonja_vault.totps (
	account bytea  NOT NULL,
	person  bytea  NOT NULL,
	secret  bytea  NOT NULL, -- sealed under the master key
	step    bigint NOT NULL, -- the newest whose code was used
	PRIMARY KEY (account, person)
);
CREATE TABLE lonja_vault.tries (
	account bytea  NOT NULL,
	person  bytea  NOT NULL,
	count   bigint NOT NULL,
	PRIMARY KEY (account, person)
);
CREATE TABLE lonja_vault.recovery_codes (
	account bytea NOT NULL,
	person  bytea NOT NULL,
	hash    bytea NOT NULL,  -- keyed by the master key
	PRIMARY KEY (account, person, hash)
);
CREATE TABLE lonja_vault.passkeys (
	account    bytea  NOT NULL,
	id         bytea  NOT NULL,
	kind       bytea  NOT NULL,
	person     bytea  NOT NULL,
	contact    bytea  NOT NULL,
	credential bytea  NOT NULL,
	record     bytea  NOT NULL, -- sealed under the master key
	created    bigint NOT NULL,
	used       bigint NOT NULL, -- 0 never
	PRIMARY KEY (account, id),
	UNIQUE (account, credential)
);
CREATE INDEX passkeys_person ON lonja_vault.passkeys (account, person);
CREATE TABLE lonja_vault.steps (
	hash     bytea  PRIMARY KEY,
	account  bytea  NOT NULL,
	purpose  bytea  NOT NULL,
	kind     bytea  NOT NULL,
	actor    bytea  NOT NULL,
	contact  bytea  NOT NULL,
	revision bigint NOT NULL,
	data     bytea  NOT NULL, -- sealed under the master key
	expires  bigint NOT NULL
);
CREATE INDEX steps_expires ON lonja_vault.steps (expires);
