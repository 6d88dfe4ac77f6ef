import type pg from 'pg';
import { pause } from './lock-retry.js';
import { LOCK_NAMES } from '../../../platform/postgres/advisory-locks.js';
import { withCleanup } from '../../admin-connections/with-cleanup.js';

/** Pause between two attempts to take the lock; up to half as much is added at random. */
const RETRY_MS = 100;

/** The session that holds a schema's lock. */
export interface LockedSession {
  readonly database: string;
}

interface SavedSettings extends LockedSession {
  readonly search_path: string;
  readonly lock_timeout: string;
}

const TRY_LOCK = `
  SELECT pg_try_advisory_lock(hashtext($1)) AS locked, current_database() AS database,
         current_setting('search_path') AS search_path, current_setting('lock_timeout') AS lock_timeout`;

const RESTORE_AND_UNLOCK = `
  SELECT set_config('search_path', $2, false), set_config('lock_timeout', $3, false), pg_advisory_unlock(hashtext($1))`;

/**
 * Runs `work` while holding the schema's lock, which excludes all other migrations of its tables, on any instance.
 * Afterwards `search_path` and `lock_timeout` are restored, and a transaction that `work` left open is rolled back.
 *
 * Waiting is done by polling, not in `pg_advisory_lock`: that statement would hold a snapshot, and a `CREATE INDEX
 * CONCURRENTLY` of the lock's holder waits for every older snapshot to end. PostgreSQL would have to break that deadlock.
 *
 * @throws the signal's reason while waiting
 */
export async function withSchemaLock<T>(
  client: pg.ClientBase,
  schema: string,
  signal: AbortSignal | undefined,
  work: (session: LockedSession) => Promise<T>,
): Promise<T> {
  const { search_path: searchPath, lock_timeout: lockTimeout, database } = await waitForLock(client, schema, signal);
  return withCleanup(
    () => work({ database }),
    async () => {
      await rollbackOpenTransaction(client);
      await client.query(RESTORE_AND_UNLOCK, [LOCK_NAMES.migrations(schema), searchPath, lockTimeout]);
    },
  );
}

/** @returns whether the lock was taken; it is held until `unlock` or the end of the session */
export async function tryLock(client: pg.ClientBase, schema: string): Promise<boolean> {
  return (await tryLockAndReadSettings(client, schema)) !== undefined;
}

export async function unlock(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query('SELECT pg_advisory_unlock(hashtext($1))', [LOCK_NAMES.migrations(schema)]);
}

/** @returns whether there was an open transaction */
export async function rollbackOpenTransaction(client: pg.ClientBase): Promise<boolean> {
  if (client.getTransactionStatus() === 'I') return false;
  await client.query('ROLLBACK');
  return true;
}

async function waitForLock(
  client: pg.ClientBase,
  schema: string,
  signal: AbortSignal | undefined,
): Promise<SavedSettings> {
  for (;;) {
    signal?.throwIfAborted();
    const settings = await tryLockAndReadSettings(client, schema);
    if (settings) return settings;
    await pause(RETRY_MS * (1 + Math.random() / 2), signal);
  }
}

async function tryLockAndReadSettings(client: pg.ClientBase, schema: string): Promise<SavedSettings | undefined> {
  const { rows } = await client.query<SavedSettings & { locked: boolean }>(TRY_LOCK, [LOCK_NAMES.migrations(schema)]);
  return rows[0]?.locked === true ? rows[0] : undefined;
}
