import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { withCleanup } from '../../admin-connections/with-cleanup.js';
import { tryLock, unlock, withSchemaLock } from '../locks/schema-lock.js';

const PREFIX = 'tenantry_preview_';

/** A schema without tables, to try migrations in. */
export interface ScratchSchema {
  readonly database: string;
  readonly schema: string;
  /** Creates the schema, which does not exist yet, runs `work`, and drops it with everything in it. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Runs `work` with the name of a scratch schema and its lock. No live table is touched; what is made outside the schema
 * (a role, an extension) is not undone.
 */
export async function withScratchSchema<T>(
  client: pg.ClientBase,
  signal: AbortSignal | undefined,
  work: (scratch: ScratchSchema) => Promise<T>,
): Promise<T> {
  await dropAbandonedSchemas(client);
  const schema = `${PREFIX}${randomBytes(6).toString('hex')}`;
  const during = async <R>(rehearsal: () => Promise<R>): Promise<R> => {
    await client.query(`CREATE SCHEMA ${schema}`);
    return withCleanup(rehearsal, () => dropSchema(client, schema));
  };
  return withSchemaLock(client, schema, signal, ({ database }) => work({ database, schema, during }));
}

/** Drops the scratch schemas of processes that were killed. A running one holds its schema's lock. */
async function dropAbandonedSchemas(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace
     WHERE nspname ~ '^${PREFIX}[0-9a-f]{12}$' AND pg_has_role(nspowner, 'USAGE')`,
  );
  for (const { name } of rows) {
    if (!(await tryLock(client, name))) continue;
    await withCleanup(
      () => dropSchema(client, name),
      () => unlock(client, name),
    );
  }
}

async function dropSchema(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
}
