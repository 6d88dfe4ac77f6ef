import type pg from 'pg';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { createSchemaSql } from '../../platform/postgres/create-schema.js';

/** The schema of the keys and functions of isolation, in each database with tenants. Owned by the owner of the tables. */
export const ISOLATION_SCHEMA = 'tenantry_isolation';

/**
 * What a database does with a stamp that has no proof. `accepted` is for the time of an upgrade, while instances of a
 * former release still send such stamps. A wrong proof is never accepted.
 */
export type UnsignedStamps = 'accepted' | 'refused';

/** PL/pgSQL keeps its plans for the session. A function in SQL does so, and is faster then, from PostgreSQL 18 on. */
const FIRST_FAST_SQL_VERSION = 180_000;
const LANGUAGES = ['plpgsql', 'sql'] as const;
type Language = (typeof LANGUAGES)[number];

const TENANT = `nullif(current_setting('app.tenant_id', true), '')::uuid`;
const PROOF = `current_setting('app.tenant_proof', true)`;
const hasProof = (tenant: string, proof: string): string =>
  `encode(sha256(k.outer_block || sha256(k.inner_block || uuid_send(${tenant}))), 'hex') = ${proof}`;

/**
 * Returns the stamped tenant if the proof is right, otherwise NULL, which equals no `tenant_id`.
 *
 * - `search_path` is fixed, so that no object of a caller is found in place of one of `pg_catalog`, and so that the
 *   function's plan survives a change of the caller's path: planning it again would cost more than running it.
 * - Policies call it as `(SELECT …)`: once per table of a statement instead of once per row or rescan.
 */
function body(language: Language, unsigned: UnsignedStamps): string {
  return language === 'sql' ? sqlBody(unsigned) : plpgsqlBody(unsigned);
}

function sqlBody(unsigned: UnsignedStamps): string {
  const proven = `SELECT ${TENANT} FROM ${ISOLATION_SCHEMA}.keys k WHERE ${hasProof(TENANT, PROOF)}`;
  if (unsigned === 'refused') return `\n  ${proven} `;
  return `\n  SELECT CASE WHEN coalesce(${PROOF}, '') = '' THEN ${TENANT} ELSE (${proven}) END `;
}

function plpgsqlBody(unsigned: UnsignedStamps): string {
  return `
DECLARE
  tenant uuid := ${TENANT};
  proof text := ${PROOF};
BEGIN${unsigned === 'accepted' ? ACCEPT_UNSIGNED : ''}
  PERFORM FROM ${ISOLATION_SCHEMA}.keys k WHERE ${hasProof('tenant', 'proof')};
  IF FOUND THEN
    RETURN tenant;
  END IF;
  RETURN NULL;
END `;
}

const ACCEPT_UNSIGNED = `
  IF coalesce(proof, '') = '' THEN
    RETURN tenant;
  END IF;`;

/** One for what a statement may read, one for what it may write: later work replaces a function, never the policies. */
const FUNCTIONS = ['may_read', 'may_write'] as const;

function functionSql(name: (typeof FUNCTIONS)[number], language: Language, unsigned: UnsignedStamps): string {
  return `CREATE OR REPLACE FUNCTION ${ISOLATION_SCHEMA}.${name}() RETURNS uuid
    LANGUAGE ${language} STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $function$${body(language, unsigned)}$function$`;
}

/** Commands that make the table of the keys, unless there is one. */
export const KEYS_TABLE = `
  CREATE TABLE IF NOT EXISTS ${ISOLATION_SCHEMA}.keys (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inner_block bytea NOT NULL UNIQUE CHECK (length(inner_block) = 64),
    outer_block bytea NOT NULL CHECK (length(outer_block) = 64),
    created_at timestamptz NOT NULL DEFAULT now()
  );
  REVOKE ALL ON ${ISOLATION_SCHEMA}.keys FROM PUBLIC`;

const TABLES = `
  ${createSchemaSql(ISOLATION_SCHEMA)};
  REVOKE CREATE ON SCHEMA ${ISOLATION_SCHEMA} FROM PUBLIC;
  ${KEYS_TABLE}`;

/**
 * Serialises installations in one database. Taken before the transaction, which only at its beginning learns for certain
 * what others have committed: in one that waits for the lock, the session may still take the schema for missing.
 */
const LOCK = `SELECT pg_advisory_lock(hashtext('${LOCK_NAMES.isolation}'))`;
const UNLOCK = `SELECT pg_advisory_unlock(hashtext('${LOCK_NAMES.isolation}'))`;

/** What is installed in a database; undefined without the functions. */
export async function readUnsignedStamps(client: pg.ClientBase): Promise<UnsignedStamps | 'unknown' | undefined> {
  const { rows } = await client.query<{ bodies: string[] }>(
    `SELECT array(SELECT p.prosrc FROM pg_proc p
                  WHERE p.pronamespace = to_regnamespace('${ISOLATION_SCHEMA}') AND p.proname = ANY ($1)) AS bodies`,
    [FUNCTIONS],
  );
  const bodies = rows[0]?.bodies ?? [];
  if (bodies.length < FUNCTIONS.length) return undefined;
  const isInstalled = (unsigned: UnsignedStamps): boolean =>
    LANGUAGES.some((language) => bodies.every((installed) => installed === body(language, unsigned)));
  return (['accepted', 'refused'] as const).find(isInstalled) ?? 'unknown';
}

const FAULTS = `
  SELECT CASE
    WHEN EXISTS (SELECT FROM pg_proc p
                 WHERE p.pronamespace = n.oid AND p.proname = ANY ($2) AND NOT (p.prosecdef AND p.provolatile = 's'
                   AND p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'] AND p.proowner = n.nspowner))
      THEN 'has functions for signed stamps with other properties or another owner'
    WHEN pg_has_role($1, n.nspowner, 'MEMBER') THEN NULL -- reported with the login role's other rights
    WHEN has_schema_privilege($1, n.oid, 'CREATE') OR has_any_column_privilege($1, '${ISOLATION_SCHEMA}.keys', 'SELECT')
      OR has_table_privilege($1, '${ISOLATION_SCHEMA}.keys', 'INSERT, UPDATE, DELETE, TRUNCATE')
      THEN 'grants its login role rights on the keys'
    END AS fault
  FROM pg_namespace n WHERE n.nspname = '${ISOLATION_SCHEMA}'`;

/** What is wrong with the functions' properties, their owner or the rights on the keys; null when nothing is. */
export async function functionFaults(client: pg.ClientBase, role: string): Promise<string | null> {
  const { rows } = await client.query<{ fault: string | null }>(FAULTS, [role, FUNCTIONS]);
  return rows[0]?.fault ?? null;
}

/**
 * Installs the functions and the table of keys in the connected database, if the functions are not there.
 *
 * @param client connected as the owner of the tenant tables, not in a transaction
 * @param unsigned for a database that has no functions yet
 */
export async function ensureIsolationFunctions(
  client: pg.ClientBase,
  unsigned: UnsignedStamps = 'accepted',
): Promise<void> {
  if ((await readUnsignedStamps(client)) === undefined) await installIsolationFunctions(client, unsigned);
}

/**
 * Installs the functions, also over existing ones. Statements that are running end under the former ones.
 *
 * @param client connected as the owner of the tenant tables, not in a transaction
 */
export async function installIsolationFunctions(client: pg.ClientBase, unsigned: UnsignedStamps): Promise<void> {
  const language = await fastestLanguage(client);
  const functions = FUNCTIONS.map((name) => functionSql(name, language, unsigned));
  await client.query(LOCK);
  try {
    await client.query(['BEGIN', TABLES, ...functions, 'COMMIT'].join('; '));
  } catch (error) {
    // On a lost connection, the server has rolled back and released the lock.
    await client.query(`ROLLBACK; ${UNLOCK}`).catch(() => undefined);
    throw error;
  }
  await client.query(UNLOCK);
}

async function fastestLanguage(client: pg.ClientBase): Promise<Language> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  return (rows[0]?.version ?? 0) >= FIRST_FAST_SQL_VERSION ? 'sql' : 'plpgsql';
}
