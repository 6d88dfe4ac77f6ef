import type { HostileSql } from './hostile-sql.js';

/** Each with its definition: what it is told, it says aloud. */
const TELL = `CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'`;
const TELL_IMMUTABLE = TELL.replace('COST', 'IMMUTABLE PARALLEL SAFE COST');
const FAIL = `CREATE FUNCTION pg_temp.fail(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS 'BEGIN RAISE EXCEPTION ''%'', $1; END'`;
const BOTH = `CREATE FUNCTION pg_temp.both(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS 'BEGIN RAISE NOTICE ''% %'', $1, $2; RETURN true; END'`;
const operator = (rest: string): string =>
  `CREATE OPERATOR pg_temp.<<< (FUNCTION = pg_temp.both, LEFTARG = text, RIGHTARG = text, ${rest})`;
const USE = `SELECT * FROM {b}.customers WHERE name OPERATOR(pg_temp.<<<) 'x'`;

/** Functions, operators and types of the attacker's own: none may see a row before the policy has decided on it. */
export const FUNCTIONS: readonly HostileSql[] = [
  [TELL, `SELECT * FROM {b}.customers WHERE pg_temp.tell(name)`],
  [TELL, `SELECT * FROM {b}.customers WHERE tenant_id = '{B}' AND pg_temp.tell(name)`],
  [TELL, `SELECT pg_temp.tell(name) FROM {b}.customers WHERE tenant_id = '{B}'`],
  [TELL, `SELECT * FROM {b}.customers WHERE pg_temp.tell(email) OR true ORDER BY pg_temp.tell(name)`],
  [TELL, `SELECT count(*) FILTER (WHERE pg_temp.tell(name)) FROM {b}.customers`],
  [TELL, `SELECT name FROM {b}.customers GROUP BY name HAVING pg_temp.tell(name)`],
  [TELL, `SELECT * FROM {b}.customers c JOIN {b}.orders o ON pg_temp.tell(c.name) AND pg_temp.tell(o.number)`],
  [TELL, `SELECT * FROM {b}.customers c LEFT JOIN {b}.orders o ON pg_temp.tell(o.number)`],
  [TELL, `SELECT * FROM {b}.customers WHERE CASE WHEN pg_temp.tell(name) THEN true END`],
  [TELL, `UPDATE {b}.customers SET name = name WHERE pg_temp.tell(name)`],
  [TELL, `DELETE FROM {b}.order_lines WHERE pg_temp.tell(description)`],
  [
    TELL,
    `DELETE FROM {b}.order_lines WHERE tenant_id = '{B}' AND pg_temp.tell(description) RETURNING pg_temp.tell(description)`,
  ],
  [TELL, `MERGE INTO {b}.customers c USING (VALUES (1)) v(n) ON pg_temp.tell(c.name) WHEN MATCHED THEN DO NOTHING`],
  [
    TELL,
    `INSERT INTO {b}.customers AS c (tenant_id, id, email, name) VALUES ('{B}', '{id}', 'x', 'x') ON CONFLICT (tenant_id, id) DO UPDATE SET name = 'x' WHERE pg_temp.tell(c.name)`,
  ],
  [TELL, `COPY (SELECT * FROM {b}.customers WHERE pg_temp.tell(name)) TO STDOUT`],
  [TELL, `EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {b}.customers WHERE pg_temp.tell(name)`],
  [
    TELL,
    `CREATE TEMP VIEW v AS SELECT * FROM {b}.customers WHERE pg_temp.tell(name)`,
    `SELECT * FROM v WHERE pg_temp.tell(email)`,
  ],
  [TELL, `SELECT * FROM {b}.customers WHERE pg_temp.tell(customers::text)`],
  [
    TELL,
    `SELECT * FROM {b}.customers FOR UPDATE OF customers`,
    `SELECT * FROM {b}.customers WHERE pg_temp.tell(name) FOR SHARE`,
  ],
  [TELL, `SELECT * FROM {b}.customers TABLESAMPLE SYSTEM (100) WHERE pg_temp.tell(name)`],
  [TELL, `SELECT * FROM {b}.customers WHERE ctid >= '(0,0)' AND pg_temp.tell(name)`],
  [TELL, `SELECT * FROM {b}.customers WHERE email > '' AND pg_temp.tell(email)`],
  [TELL, `SET enable_seqscan = off`, `SELECT * FROM {b}.customers WHERE email > '' AND pg_temp.tell(email)`],
  [TELL_IMMUTABLE, `SELECT * FROM {b}.customers WHERE pg_temp.tell(name)`],
  [TELL_IMMUTABLE, `SET debug_parallel_query = on`, `SELECT * FROM {b}.customers WHERE pg_temp.tell(name)`],
  [TELL_IMMUTABLE, `SELECT * FROM {b}.customers a JOIN {b}.customers b ON a.name = b.name AND pg_temp.tell(a.name)`],
  [FAIL, `SELECT * FROM {b}.customers WHERE pg_temp.fail(name) AND tenant_id = '{B}'`],
  [FAIL, `UPDATE {b}.customers SET version = 2 WHERE tenant_id = '{B}' AND pg_temp.fail(name)`],
  [FAIL, `SELECT count(*) FROM {b}.customers WHERE tenant_id = '{B}' GROUP BY pg_temp.fail(name)`],
  TELL.replace('COST', 'LEAKPROOF COST'),
  // operators whose selectivity is estimated from the values that ANALYZE has collected
  [BOTH, operator('RESTRICT = eqsel, JOIN = eqjoinsel'), USE],
  [BOTH, operator('RESTRICT = neqsel'), USE],
  [BOTH, operator('RESTRICT = scalarltsel'), USE],
  [BOTH, operator('RESTRICT = scalargtsel'), `EXPLAIN ${USE}`],
  [BOTH, operator('RESTRICT = scalarlesel'), `EXPLAIN (VERBOSE) ${USE}`],
  [BOTH, operator('RESTRICT = matchingsel'), USE],
  [BOTH, operator('RESTRICT = likesel'), USE],
  [BOTH, operator('RESTRICT = contsel'), USE],
  [
    BOTH,
    operator('JOIN = eqjoinsel'),
    `SELECT * FROM {b}.customers a JOIN {b}.customers b ON a.name OPERATOR(pg_temp.<<<) b.name`,
  ],
  [
    BOTH,
    operator('JOIN = scalarltjoinsel'),
    `SELECT * FROM {b}.customers a JOIN {b}.orders b ON a.name OPERATOR(pg_temp.<<<) b.number`,
  ],
  [
    BOTH,
    operator('RESTRICT = eqsel, HASHES, MERGES'),
    `SELECT * FROM {b}.customers a JOIN {b}.customers b ON a.name OPERATOR(pg_temp.<<<) b.name`,
  ],
  [
    BOTH,
    operator('RESTRICT = matchingsel'),
    `SELECT * FROM {b}.customers WHERE 'x' OPERATOR(pg_temp.<<<) ANY (ARRAY[name])`,
  ],
  [
    BOTH,
    operator('RESTRICT = matchingsel'),
    `UPDATE {b}.customers SET version = 1 WHERE name OPERATOR(pg_temp.<<<) 'x'`,
  ],
  [
    BOTH,
    operator('RESTRICT = eqsel'),
    `CREATE TEMP VIEW v AS TABLE {b}.customers`,
    `SELECT * FROM v WHERE name OPERATOR(pg_temp.<<<) 'x'`,
  ],
  [
    BOTH,
    operator('RESTRICT = eqsel'),
    `SELECT * FROM (SELECT DISTINCT name FROM {b}.customers) c WHERE name OPERATOR(pg_temp.<<<) 'x'`,
  ],
  [
    BOTH,
    operator('RESTRICT = eqsel'),
    `WITH c AS MATERIALIZED (TABLE {b}.customers) SELECT * FROM c WHERE name OPERATOR(pg_temp.<<<) 'x'`,
  ],
  [
    BOTH,
    operator('RESTRICT = matchingsel').replace('<<<', '='),
    `SET search_path = pg_temp, pg_catalog, {b}`,
    `SELECT * FROM customers WHERE name = 'x'`,
  ],
  // functions that run as their owner, and settings of functions
  [
    `CREATE FUNCTION pg_temp.f() RETURNS SETOF {b}.customers LANGUAGE sql SECURITY DEFINER AS 'TABLE {b}.customers'`,
    `SELECT * FROM pg_temp.f()`,
  ],
  [
    `CREATE FUNCTION pg_temp.f() RETURNS SETOF {b}.customers LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.tenant_id', '{B}', true); RETURN QUERY TABLE {b}.customers; END $$`,
    `SELECT * FROM pg_temp.f()`,
  ],
  [
    `CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS $$ UPDATE {b}.customers SET name = 'taken' WHERE tenant_id = '{B}' $$`,
    `SELECT pg_temp.f()`,
  ],
  [
    `CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM {b}.order_lines; END`,
    `SELECT pg_temp.f()`,
  ],
  [
    `CREATE PROCEDURE pg_temp.p() LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.tenant_id', '{B}', false); COMMIT; RAISE NOTICE '%', (SELECT max(name) FROM {b}.customers); END $$`,
    `CALL pg_temp.p()`,
  ],
  [`CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE plpython3u AS 'return 1'`, `SELECT pg_temp.f()`],
  [`CREATE FUNCTION pg_temp.f(cstring) RETURNS int LANGUAGE c AS 'libc', 'system'`, `SELECT pg_temp.f('id')`],
  [`CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE internal AS 'pg_read_file'`, `SELECT pg_temp.f()`],
  [
    `CREATE AGGREGATE pg_temp.agg(text) (SFUNC = textcat, STYPE = text)`,
    `SELECT pg_temp.agg(name) FROM {b}.customers WHERE tenant_id = '{B}'`,
  ],
  [`CREATE TYPE pg_temp.uuid AS (a int)`, `SET search_path = pg_temp, {b}`, `SELECT * FROM customers`],
  [
    `CREATE DOMAIN pg_temp.uuid AS text`,
    `SET search_path = pg_temp, {b}`,
    `SELECT * FROM customers WHERE tenant_id::text = '{B}'`,
  ],
  [`CREATE TYPE pg_temp.text AS ENUM ('{proof}')`, `SET search_path = pg_temp, pg_catalog`, `TABLE {b}.customers`],
  [`CREATE DOMAIN pg_temp.d AS text CHECK (VALUE IN (SELECT name FROM {b}.customers))`, `SELECT 'x'::pg_temp.d`],
  [
    TELL,
    `CREATE DOMAIN pg_temp.d AS text CHECK (pg_temp.tell(VALUE))`,
    `SELECT name::pg_temp.d FROM {b}.customers WHERE tenant_id = '{B}'`,
  ],
  [
    `CREATE TYPE pg_temp.t AS (a uuid)`,
    `CREATE FUNCTION pg_temp.c(uuid) RETURNS pg_temp.t LANGUAGE sql AS 'SELECT row($1)::pg_temp.t'`,
    `CREATE CAST (uuid AS pg_temp.t) WITH FUNCTION pg_temp.c(uuid) AS IMPLICIT`,
    `SELECT tenant_id::pg_temp.t FROM {b}.customers WHERE tenant_id = '{B}'`,
  ],
  [
    `CREATE COLLATION pg_temp.ci (provider = icu, locale = 'und', deterministic = false)`,
    `SELECT * FROM {b}.customers WHERE name = 'SECRET' COLLATE pg_temp.ci`,
  ],
  [
    `CREATE TEXT SEARCH CONFIGURATION pg_temp.c (COPY = pg_catalog.simple)`,
    `SELECT to_tsvector('pg_temp.c', name) FROM {b}.customers WHERE tenant_id = '{B}'`,
  ],
  [
    TELL,
    `CREATE TEMP TABLE t (n text CHECK (pg_temp.tell(n)))`,
    `INSERT INTO t SELECT name FROM {b}.customers WHERE tenant_id = '{B}'`,
  ],
  [
    TELL_IMMUTABLE,
    `CREATE TEMP TABLE t AS SELECT * FROM {b}.customers`,
    `CREATE INDEX ON t (pg_temp.tell(name))`,
    `ANALYZE t`,
  ],
  [
    TELL,
    `CREATE TEMP TABLE t (n text)`,
    `ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
    `CREATE POLICY p ON t USING (pg_temp.tell(n))`,
    `INSERT INTO t SELECT name FROM {b}.customers`,
    `TABLE t`,
  ],
];
