-- Run once on a new server with psql, as a superuser in the database "postgres":
--   TENANTRY_DB_PASSWORD=... PGBOUNCER_PASSWORD=... psql -v ON_ERROR_STOP=1 -d postgres -f roles.sql
\getenv owner_password TENANTRY_DB_PASSWORD
\getenv pgbouncer_password PGBOUNCER_PASSWORD

-- The catalog, and the role that creates tenants' databases and login roles. Not a superuser: those are rejected.
CREATE ROLE tenantry LOGIN CREATEDB CREATEROLE PASSWORD :'owner_password';
CREATE DATABASE tenantry OWNER tenantry;
REVOKE ALL ON DATABASE tenantry FROM PUBLIC;

-- PgBouncer looks up login roles in this database. Tenants' login roles may not connect to it.
CREATE ROLE pgbouncer LOGIN NOINHERIT PASSWORD :'pgbouncer_password';
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO pgbouncer;
CREATE SCHEMA pgbouncer;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;

-- Returns the password verifier of a role that may log in. Never of a superuser: none may connect through the pooler.
CREATE FUNCTION pgbouncer.login(wanted text, OUT name text, OUT verifier text)
  RETURNS SETOF record
  LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT rolname::text, rolpassword
  FROM pg_authid
  WHERE rolname = wanted AND rolcanlogin AND NOT rolsuper AND NOT rolreplication
    AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
$$;
REVOKE ALL ON FUNCTION pgbouncer.login(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgbouncer.login(text) TO pgbouncer;
