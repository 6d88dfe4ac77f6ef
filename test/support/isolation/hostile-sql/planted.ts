import type { HostileSql } from './hostile-sql.js';

/** Takes the stamp under which it runs, for the attacker to read later. */
const TAKE = `INSERT INTO {a}.customers (tenant_id, email, name) SELECT '{A}', gen_random_uuid()::text, current_setting('app.tenant_proof')`;
const COPY = `SELECT current_setting('app.tenant_proof') AS proof, c.* FROM {b}.customers c`;
const KEPT = `CREATE TEMP TABLE kept (proof text)`;
/** Does what ours does, and keeps the proof. */
const FORGED_STAMP = `WITH k AS (INSERT INTO kept VALUES ($2)) SELECT set_config('app.tenant_id', $1, true), set_config('app.tenant_proof', $2, true), set_config('search_path', $3, true)`;
const KEEP = `WITH k AS (INSERT INTO kept SELECT current_setting('app.tenant_proof'))`;
const FORGED_LIST = `${KEEP} SELECT c.email, c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY c.email`;
const FORGED_UPDATE = `${KEEP} UPDATE customers SET version = version WHERE version = $1 RETURNING id`;
const names = ['tenantry_stamp', ...Array.from({ length: 8 }, (_none, index) => `tenantry_${index + 1}`)];

/** Things left on the connection in the hope that the next tenant's statements use them under its stamp. */
export const PLANTED: readonly HostileSql[] = [
  ...names.map((name): HostileSql => [`DEALLOCATE ${name}`, `PREPARE ${name} AS ${TAKE}`]),
  ...names.map((name): HostileSql => [
    KEPT,
    `PREPARE ${name} AS INSERT INTO kept SELECT current_setting('app.tenant_proof')`,
  ]),
  [KEPT, `DEALLOCATE tenantry_stamp`, `PREPARE tenantry_stamp (text, text, text) AS ${FORGED_STAMP}`],
  [KEPT, `DEALLOCATE ALL`, `PREPARE tenantry_stamp (text, text, text) AS ${FORGED_STAMP}`],
  ...names.map((name): HostileSql => [KEPT, `DEALLOCATE ALL`, `PREPARE ${name} AS ${FORGED_LIST}`]),
  ...names.map((name): HostileSql => [KEPT, `DEALLOCATE ALL`, `PREPARE ${name} (int) AS ${FORGED_UPDATE}`]),
  `DO $$ BEGIN EXECUTE '${KEPT}'; EXECUTE 'DEALLOCATE tenantry_stamp'; EXECUTE 'PREPARE tenantry_stamp (text, text, text) AS ${FORGED_STAMP.replaceAll("'", "''")}'; END $$`,
  [`DEALLOCATE ALL`, ...names.map((name) => `PREPARE ${name} AS ${TAKE}`)],
  [`DEALLOCATE ALL`, ...names.map((name) => `PREPARE ${name} (text, text, text) AS ${COPY}`)],
  [`DISCARD ALL`, ...names.map((name) => `PREPARE ${name} AS ${TAKE}`)],
  [...names.map((name) => `PREPARE ${name} AS ${TAKE}`), `DISCARD PLANS`],
  [`DEALLOCATE ALL`, `DISCARD ALL`],
  `DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; EXECUTE 'PREPARE tenantry_stamp AS SELECT 1'; END $$`,
  `DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; EXECUTE 'PREPARE tenantry_1 AS SELECT 1'; RAISE EXCEPTION 'x'; END $$`,
  [`BEGIN`, `DEALLOCATE ALL`, `PREPARE tenantry_stamp AS ${TAKE}`, `ROLLBACK`],
  [`BEGIN`, `SAVEPOINT s`, `DEALLOCATE ALL`, `PREPARE tenantry_1 AS ${TAKE}`, `ROLLBACK TO s`, `COMMIT`],
  [`DECLARE c CURSOR WITH HOLD FOR ${COPY}`, `SELECT 1`],
  [`DECLARE "C_1" CURSOR WITH HOLD FOR ${COPY}`, `CLOSE ALL`, `DECLARE "C_1" CURSOR WITH HOLD FOR ${COPY}`],
  [`BEGIN`, `DECLARE c CURSOR FOR ${COPY}`, `SELECT 1`],
  [KEPT],
  [`CREATE TEMP TABLE customers (LIKE {b}.customers)`],
  [
    `CREATE TEMP TABLE customers AS SELECT gen_random_uuid() AS id, 'planted' AS email, 'planted' AS name, 1 AS version`,
  ],
  [
    `CREATE TEMP VIEW customers AS SELECT current_setting('app.tenant_proof', true) AS name, id, email, tenant_id FROM {b}.customers`,
  ],
  [`CREATE TEMP TABLE orders (LIKE {b}.orders) ON COMMIT DELETE ROWS`],
  [
    `CREATE TEMP TABLE kept (proof text)`,
    `CREATE TEMP TABLE customers (LIKE {b}.customers)`,
    `CREATE RULE r AS ON INSERT TO customers DO ALSO INSERT INTO kept VALUES (current_setting('app.tenant_proof'))`,
  ],
  [
    KEPT,
    `CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO kept VALUES (current_setting(''app.tenant_proof'')); RETURN NEW; END'`,
    `CREATE TEMP TABLE customers (LIKE {b}.customers)`,
    `CREATE TRIGGER t BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION pg_temp.f()`,
  ],
  [
    `CREATE TEMP VIEW kept AS SELECT current_setting('app.tenant_proof', true) AS proof, current_setting('app.tenant_id', true) AS id`,
    `TABLE kept`,
  ],
  [`CREATE TEMP TABLE kept AS SELECT statement FROM pg_prepared_statements`, `TABLE kept`],
  [`CREATE TEMP SEQUENCE s`, `SELECT nextval('s')`],
  [
    `CREATE FUNCTION pg_temp.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $2; RETURN $2; END'`,
    `SET search_path = pg_temp, pg_catalog`,
  ],
  [
    `CREATE FUNCTION pg_temp.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT $2'`,
    `SELECT set_config('search_path', 'pg_temp, pg_catalog', false)`,
  ],
  [`CREATE TYPE pg_temp.bool AS ENUM ('t')`, `SELECT set_config('search_path', 'pg_temp, pg_catalog', false)`],
  [`CREATE TEMP TABLE pg_settings (name text, setting text)`, `SET search_path = pg_temp, pg_catalog`],
  [`LISTEN customers`, `NOTIFY customers, 'x'`],
  [`LISTEN "{B}"`],
  [`SELECT pg_notify('customers', current_setting('app.tenant_id'))`],
  [`SELECT lo_from_bytea(0, current_setting('app.tenant_proof')::bytea)`],
  [`SELECT lo_create(4711)`, `SELECT lo_put(4711, 0, 'planted')`, `SELECT lo_get(4711)`, `SELECT lo_unlink(4711)`],
  [`BEGIN`],
  [`BEGIN READ ONLY`],
  [`BEGIN`, `SELECT 1 / 0`],
  [`BEGIN`, `SELECT set_config('app.tenant_id', '{B}', true)`, `COMMIT`],
  [`BEGIN`, `COMMIT`, `BEGIN`],
  [`COMMIT`],
  [`ROLLBACK`],
  [`COMMIT AND CHAIN`],
  [`ROLLBACK AND CHAIN`],
  [`ROLLBACK`, `BEGIN`, `SELECT set_config('app.tenant_id', '{B}', true)`, `TABLE {b}.customers`],
  [`COMMIT`, `SELECT set_config('app.tenant_id', '{B}', false), set_config('app.tenant_proof', '{proof}', false)`],
  [`SAVEPOINT s`],
  [`END`, `PREPARE tenantry_stamp AS ${TAKE}`],
  [`SET application_name = 'tenantry'`],
  [`SET client_encoding = 'LATIN1'`],
  [`SET standard_conforming_strings = off`],
  [`SET DateStyle = 'German'`, `SET TimeZone = 'Asia/Tokyo'`],
  [`SET row_security = off`],
  [`SET search_path = pg_temp`],
  [`SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`],
  [`SET statement_timeout = 1`],
  [`SET plan_cache_mode = force_generic_plan`, `SET transform_null_equals = on`],
  [`SET client_min_messages = debug5`, `SET debug_print_plan = on`],
  [`SET log_parameter_max_length_on_error = -1`],
  ``,
  `;`,
  `-- nothing`,
  `nonsense`,
];
