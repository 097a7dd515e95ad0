-- Makes the database and who owns it, with the rights that Lonja needs and no more: the image of
-- PostgreSQL has psql run it as the superuser, once, when its volume is new. Anywhere else:
--
--   OWNER_PASSWORD=… psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres --file deploy/postgres.sql
--
-- (with PGSSLMODE=verify-full where that server is not on the same machine).
\getenv password OWNER_PASSWORD

-- The password is in a statement: no log of the server is to have it, not even of an error.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

-- Who reads for people, and who writes projections: nobody logs in as these, and
-- row-level security binds both. Were they not here, Lonja would make them, if it could.
CREATE ROLE lonja_reader NOLOGIN;
CREATE ROLE lonja_writer NOLOGIN;

CREATE ROLE lonja LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
GRANT lonja_reader, lonja_writer TO lonja;

-- Its owner makes the schemas, and nobody else connects.
CREATE DATABASE lonja OWNER lonja ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE lonja FROM PUBLIC;
