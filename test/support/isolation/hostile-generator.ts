import { pick } from '../statements/seeded-random.js';

type Random = () => number;
type Wrapper = (query: string) => readonly string[];

const TABLES = ['customers', 'orders', 'order_lines'] as const;
const TEXTS = { customers: ['name', 'email'], orders: ['number', 'currency'], order_lines: ['description'] } as const;

/** States of the connection before the attack. */
const STATES: readonly (readonly string[])[] = [
  [],
  [`SELECT set_config('app.tenant_id', '{B}', false), set_config('app.tenant_proof', '{proof}', false)`],
  [`SELECT set_config('app.tenant_id', '{B}', true), set_config('app.tenant_proof', '', true)`],
  [`SELECT set_config('app.tenant_id', '{A}', false), set_config('app.tenant_proof', '{proof}', false)`],
  [`SET app.tenant_id = '{B}'`],
  [`SET search_path = pg_temp, {b}, pg_catalog`],
  [`SET enable_seqscan = off`, `SET plan_cache_mode = force_generic_plan`],
  [`SET debug_parallel_query = on`],
  [`SET force_parallel_mode = on`],
  [`SET row_security = off`],
  [`SET standard_conforming_strings = off`],
  [`SET client_min_messages = debug5`],
  [`SET transform_null_equals = on`],
  [`CREATE TEMP TABLE customers (LIKE {b}.customers)`],
  [`CREATE TEMP TABLE keys (inner_block bytea, outer_block bytea)`],
  [`CREATE TYPE pg_temp.uuid AS (a int)`],
  [`CREATE DOMAIN pg_temp.text AS pg_catalog.text`],
  [
    `DEALLOCATE ALL`,
    `PREPARE tenantry_stamp AS SELECT current_setting('app.tenant_proof'), $1::text, $2::text, $3::text`,
  ],
  [
    `PREPARE tenantry_2 AS INSERT INTO {a}.customers (email, name) SELECT gen_random_uuid(), current_setting('app.tenant_proof')`,
  ],
  [`DECLARE held CURSOR WITH HOLD FOR SELECT * FROM {b}.customers`],
  [`LISTEN customers`],
  [`BEGIN`],
  [`BEGIN ISOLATION LEVEL SERIALIZABLE`],
  [`SAVEPOINT s`],
  [`DISCARD ALL`],
];

const FUNCTIONS: readonly string[] = [
  `CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $f$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $f$`,
  `CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 0.0000001 AS $f$ BEGIN RAISE WARNING '%', $1; RETURN true; END $f$`,
  `CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql STRICT COST 0.0000001 AS $f$ BEGIN RAISE EXCEPTION '%', $1; END $f$`,
];

const CONDITIONS: readonly ((column: string) => string)[] = [
  () => 'true',
  () => `tenant_id = '{B}'`,
  () => `tenant_id <> '{A}'`,
  () => `tenant_id IS DISTINCT FROM '{A}'`,
  () => `ctid >= '(0,0)'`,
  () => `set_config('app.tenant_id', '{B}', true) IS NOT NULL`,
  (column) => `${column}::int > 0`,
  (column) => `${column} > ''`,
  (column) => `pg_temp.tell(${column})`,
  (column) => `tenant_id = '{B}' AND pg_temp.tell(${column})`,
  (column) => `length(${column}) / (length(${column}) - 1) > 0`,
  (column) => `${column} COLLATE "C" ~ '.*'`,
  (column) => `EXISTS (SELECT FROM {b}.orders x WHERE x.number = ${column} OR x.tenant_id = '{B}')`,
  (column) => `CASE WHEN tenant_id = '{B}' THEN ${column}::uuid IS NULL ELSE true END`,
];

const OUTPUTS: readonly ((column: string, table: string) => string)[] = [
  (column) => column,
  () => '*',
  (_column, table) => `${table}::text`,
  (_column, table) => `to_jsonb(${table})`,
  (column) => `max(${column})`,
  (column) => `string_agg(${column}, ',')`,
  (column) => `encode(convert_to(${column}, 'UTF8'), 'hex')`,
  (column) => `encode(${column}::bytea, 'base64')`,
  (column) => `${column}::numeric`,
  (column) => `${column}, row_number() OVER ()`,
  (column) => `reverse(${column})`,
];

function select(random: Random): string {
  const table = pick(random, TABLES);
  const column = pick<string>(random, TEXTS[table]);
  const condition = `${pick(random, CONDITIONS)(column)} ${pick(random, ['', '', `OR ${pick(random, CONDITIONS)(column)}`])}`;
  const output = pick(random, OUTPUTS)(column, table);
  return `SELECT ${output} FROM ${pick(random, ['', 'ONLY '])}{b}.${table} WHERE ${condition}`;
}

function write(random: Random): string {
  const table = pick(random, TABLES);
  const column = pick<string>(random, TEXTS[table]);
  const condition = pick(random, CONDITIONS)(column);
  const returning = pick(random, [
    '',
    ' RETURNING *',
    ` RETURNING ${column}`,
    ` RETURNING CASE WHEN tenant_id <> '{A}' THEN {leak} END`,
  ]);
  return pick(random, [
    `UPDATE {b}.${table} SET ${column} = '1' WHERE tenant_id <> '{A}' AND ${condition}${returning}`,
    `UPDATE {b}.${table} SET tenant_id = '${pick(random, ['{A}', '{B}'])}' WHERE ${condition}${returning}`,
    `DELETE FROM {b}.${table} WHERE ${condition}${returning}`,
    `MERGE INTO {b}.${table} USING (VALUES (1)) v(n) ON ${condition} WHEN MATCHED THEN DELETE`,
    `INSERT INTO {b}.customers (tenant_id, id, email, name) VALUES ('{B}', '{id}', 'x', 'x') ON CONFLICT (tenant_id, id) DO UPDATE SET name = customers.email`,
    `INSERT INTO {a}.customers (email, name) SELECT gen_random_uuid(), tenant_id || ${column} FROM {b}.${table} WHERE tenant_id <> '{A}' AND ${condition}`,
  ]);
}

const quote = (text: string): string => `$q$${text}$q$`;

/** Each runs the query in another way. */
const WRAPPERS: readonly Wrapper[] = [
  (query) => [query],
  (query) => [`PREPARE p AS ${query}`, `EXECUTE p`, `DEALLOCATE p`],
  (query) => [`DECLARE c CURSOR WITH HOLD FOR ${query}`, `FETCH ALL FROM c`, `CLOSE c`],
  (query) => [`BEGIN`, query, `COMMIT`],
  (query) => [`BEGIN`, `SAVEPOINT a`, query, `ROLLBACK TO a`, query, `ROLLBACK`],
  (query) => [
    `DO $d$ DECLARE r record; BEGIN FOR r IN EXECUTE ${quote(query)} LOOP RAISE NOTICE '%', r; END LOOP; END $d$`,
  ],
  (query) => [`DO $d$ BEGIN EXECUTE ${quote(query)}; EXCEPTION WHEN others THEN RAISE NOTICE '%', SQLERRM; END $d$`],
  (query) => [
    `CREATE FUNCTION pg_temp.run() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $d$ BEGIN RETURN QUERY EXECUTE ${quote(query)}; END $d$`,
    `SELECT pg_temp.run()`,
  ],
  (query) => [`EXPLAIN (ANALYZE, VERBOSE) ${query}`],
  (query) => [`WITH c AS MATERIALIZED (${query}) SELECT * FROM c`],
  (query) => [`WITH c AS (${query}) SELECT c::text FROM c, pg_sleep(0)`],
];

/** For queries that only read. */
const READERS: readonly Wrapper[] = [
  (query) => [`COPY (${query}) TO STDOUT`],
  (query) => [`SELECT query_to_xml(${quote(query)}, true, false, '')`],
  (query) => [`SELECT * FROM ts_stat(${quote(`SELECT to_tsvector(q::text) FROM (${query}) q`)})`],
  (query) => [`CREATE TEMP VIEW v AS SELECT q::text FROM (${query}) q`, `TABLE v`],
  (query) => [`CREATE TEMP TABLE kept AS SELECT q::text FROM (${query}) q`, `TABLE kept`],
  (query) => [`SELECT q::text INTO TEMP kept FROM (${query}) q`, `TABLE kept`],
  (query) => [`SELECT (SELECT json_agg(q) FROM (${query}) q)`],
  (query) => [`SELECT q FROM generate_series(1, 2), LATERAL (${query}) q`],
  (query) => [
    `INSERT INTO {a}.customers (email, name) SELECT gen_random_uuid(), q::text FROM (${query}) q RETURNING name`,
  ],
  (query) => [`UPDATE {a}.customers SET name = (SELECT string_agg(q::text, '') FROM (${query}) q) RETURNING name`],
  (query) => [`SELECT 1 FROM {a}.customers ORDER BY (SELECT string_agg(q::text, '')::int FROM (${query}) q)`],
  (query) => [`VALUES ((SELECT string_agg(q::text, '')::int FROM (${query}) q))`],
];

/** One attack: a state of the connection, and a query for rows of B that is run in some way. */
export function generateHostileSql(random: Random): readonly string[] {
  const isWrite = random() < 0.3;
  const query = isWrite ? write(random) : select(random);
  const wrap = pick(random, isWrite || random() < 0.5 ? WRAPPERS : READERS);
  const functions = query.includes('pg_temp.tell') ? [pick(random, FUNCTIONS)] : [];
  return [...functions, ...pick(random, STATES), ...wrap(query)];
}
