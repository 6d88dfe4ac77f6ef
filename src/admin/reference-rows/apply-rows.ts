import pg from 'pg';
import { ISOLATION_SCHEMA } from '../../database/isolation/isolation-functions.js';
import { lockFailure, LockRetry } from '../../database/table-migrations/locks/lock-retry.js';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { ReferenceRowsRefusedError, ReferenceTableLockedError } from './reference-rows.errors.js';
import { quotedList, readFacts, type ReferenceTableFacts, rowsOfJson } from './reference-table-facts.js';

/** A published version of a table: all of its rows. */
export interface ReferenceVersion {
  readonly table: string;
  readonly version: number;
  /** A JSON array of objects, which all have the same columns. */
  readonly rows: string;
}

export interface AppliedVersion {
  /** The version that the table has now: a newer one stays. */
  readonly version: number;
  /** The one before; 0 when none was published to it. */
  readonly former: number;
}

interface ApplyOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Statements of tenants queue behind a lock that is waited for, so it is given up after this long, and tried again. */
const LOCK_TIMEOUT_MS = 2_000;
const ATTEMPTS = 5;

const VERSIONS = `${ISOLATION_SCHEMA}.reference_versions`;

/** In the database itself, so that a version and its rows are there together, whatever becomes of the catalog. */
const CREATE_VERSIONS = `
  BEGIN;
  SELECT pg_advisory_xact_lock(hashtext('${LOCK_NAMES.isolation}'));
  CREATE TABLE IF NOT EXISTS ${VERSIONS} (
    relation oid PRIMARY KEY, version integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
  );
  REVOKE ALL ON ${VERSIONS} FROM PUBLIC;
  COMMIT`;

/** Foreign keys: another row refers to one that would go (23503, with RESTRICT 23001), or a row refers to none. */
const KEY_VIOLATIONS: ReadonlySet<string | undefined> = new Set(['23503', '23001']);
/** Values that do not fit: of their type (22), of a constraint (23). */
const REFUSALS = /^2[23]/;

/**
 * Gives a reference table of one schema the rows of a version, in one transaction: rows that the version lacks are deleted,
 * others inserted or updated where they differ. A table that has this version or a newer one is left as it is.
 *
 * @param client connected as the owner of the tables, not in a transaction
 * @throws ReferenceTableMissingError, ReferenceRowsRefusedError, ReferenceTableLockedError, the signal's reason
 */
export async function applyRows(
  client: pg.ClientBase,
  schema: string,
  version: ReferenceVersion,
  { signal }: ApplyOptions = {},
): Promise<AppliedVersion> {
  await ensureVersions(client);
  const attempts = new LockRetry({ attempts: ATTEMPTS, signal }).run(
    () => attempt(client, schema, version),
    () => true,
  );
  return attempts.catch((error: unknown) => {
    throw lockFailure(error) ? new ReferenceTableLockedError(version.table, error) : error;
  });
}

async function ensureVersions(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ exists: boolean }>(`SELECT to_regclass('${VERSIONS}') IS NOT NULL AS exists`);
  if (rows[0]?.exists !== true) await client.query(CREATE_VERSIONS);
}

async function attempt(client: pg.ClientBase, schema: string, version: ReferenceVersion): Promise<AppliedVersion> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  let facts: ReferenceTableFacts | undefined;
  try {
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [
      LOCK_NAMES.referenceTable(schema, version.table),
    ]);
    facts = await readFacts(client, schema, version.table);
    const former = await versionOf(client, facts);
    if (former < version.version) await replaceRows(client, facts, version);
    await client.query('COMMIT');
    return { version: Math.max(former, version.version), former };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw facts ? await toRefusal(client, facts, version, error) : error;
  }
}

async function versionOf(client: pg.ClientBase, { oid }: ReferenceTableFacts): Promise<number> {
  const { rows } = await client.query<{ version: number }>(`SELECT version FROM ${VERSIONS} WHERE relation = $1`, [
    oid,
  ]);
  return rows[0]?.version ?? 0;
}

/** Deletes first: a row that goes may have a unique value that another one gets. */
async function replaceRows(
  client: pg.ClientBase,
  facts: ReferenceTableFacts,
  version: ReferenceVersion,
): Promise<void> {
  const { oid, name, primaryKey } = facts;
  const columns = columnsOf(version);
  const others = columns.filter((column) => !primaryKey.includes(column));
  const update =
    others.length === 0
      ? 'NOTHING'
      : `UPDATE SET ${others.map((column) => `${quotedList([column])} = excluded.${quotedList([column])}`).join(', ')}
         WHERE (${quotedList(others, 't.')}) IS DISTINCT FROM (${quotedList(others, 'excluded.')})`;
  await client.query(`DELETE FROM ${name} t WHERE NOT EXISTS (${matchingRow(facts)})`, [version.rows]);
  await client.query(
    `INSERT INTO ${name} AS t (${quotedList(columns)}) OVERRIDING SYSTEM VALUE
     SELECT ${quotedList(columns)} FROM ${rowsOfJson(facts)} ON CONFLICT (${quotedList(primaryKey)}) DO ${update}`,
    [version.rows],
  );
  await client.query(
    `INSERT INTO ${VERSIONS} (relation, version) VALUES ($1, $2)
     ON CONFLICT (relation) DO UPDATE SET version = excluded.version, applied_at = now()`,
    [oid, version.version],
  );
}

/** SQL: the version's row with the key of `t`. */
function matchingRow(facts: ReferenceTableFacts): string {
  const { primaryKey } = facts;
  return `SELECT FROM ${rowsOfJson(facts)} r WHERE (${quotedList(primaryKey, 'r.')}) = (${quotedList(primaryKey, 't.')})`;
}

/** All rows have the same columns. */
function columnsOf({ rows }: Pick<ReferenceVersion, 'rows'>): string[] {
  const [first] = JSON.parse(rows) as Readonly<Record<string, unknown>>[];
  return Object.keys(first ?? {});
}

async function toRefusal(
  client: pg.ClientBase,
  facts: ReferenceTableFacts,
  version: ReferenceVersion,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof pg.DatabaseError) || !REFUSALS.test(error.code ?? '')) return error;
  const { code, table, constraint } = error;
  const subject = `version ${version.version} of ${version.table}`;
  if (KEY_VIOLATIONS.has(code) && table !== undefined && constraint !== undefined && table !== version.table) {
    const reason = `rows of ${table} refer to rows that ${subject} lacks (${constraint})`;
    return new ReferenceRowsRefusedError(reason, await referringTenants(client, facts, version, error), error);
  }
  const detail = constraint === undefined ? '' : `, ${constraint}`;
  return new ReferenceRowsRefusedError(
    `the rows of ${subject} do not fit the table (SQLSTATE ${code}${detail})`,
    [],
    error,
  );
}

/** The key that was violated, with its columns in order. */
const KEY = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name,
    array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(attnum, n)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.n) AS columns,
    array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(attnum, n)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.n) AS referenced
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'f' AND k.confrelid = $1::oid AND n.nspname = $2 AND c.relname = $3 AND k.conname = $4
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)`;

const MAX_TENANTS = 1_000;

async function referringTenants(
  client: pg.ClientBase,
  facts: ReferenceTableFacts,
  version: ReferenceVersion,
  { schema, table, constraint }: pg.DatabaseError,
): Promise<string[]> {
  const { rows: keys } = await client.query<{ name: string; columns: string[]; referenced: string[] }>(KEY, [
    facts.oid,
    ...[schema, table, constraint],
  ]);
  const [key] = keys;
  if (!key) return [];
  const { rows } = await client.query<{ tenant: string }>(
    `SELECT DISTINCT f.tenant_id::text AS tenant FROM ${key.name} f
     JOIN ${facts.name} t ON (${quotedList(key.columns, 'f.')}) = (${quotedList(key.referenced, 't.')})
     WHERE NOT EXISTS (${matchingRow(facts)}) ORDER BY 1 LIMIT ${MAX_TENANTS}`,
    [version.rows],
  );
  return rows.map(({ tenant }) => tenant);
}
