import type pg from 'pg';
import { pause } from './lock-retry.js';
import { withCleanup } from '../admin-connections/with-cleanup.js';

/** Between two looks whether it is our turn: this long, and half of it more at random. */
const RETRY_MS = 100;

/** What the connection was set to before the turn, and where it leads. */
export interface LockedSession {
  readonly database: string;
}

interface SavedSettings extends LockedSession {
  readonly search_path: string;
  readonly lock_timeout: string;
}

const TRY_LOCK = `
  SELECT pg_try_advisory_lock(hashtext($1)) AS mine, current_database() AS database,
         current_setting('search_path') AS search_path, current_setting('lock_timeout') AS lock_timeout`;

const RESTORE_AND_UNLOCK = `
  SELECT set_config('search_path', $2, false), set_config('lock_timeout', $3, false), pg_advisory_unlock(hashtext($1))`;

/**
 * Runs `work` while nobody else, on any instance, works on the schema's tables. What `work` changes of `search_path` and
 * `lock_timeout` is put back, and a transaction that it left open is undone.
 *
 * The wait asks again and again instead of waiting in `pg_advisory_lock`: that would be a statement with a snapshot, and
 * `CREATE INDEX CONCURRENTLY` of the one whose turn it is waits for every older snapshot to end. PostgreSQL would have
 * to break that deadlock.
 *
 * @throws the signal's reason while it waits
 */
export async function withSchemaLock<T>(
  client: pg.ClientBase,
  schema: string,
  signal: AbortSignal | undefined,
  work: (turn: LockedSession) => Promise<T>,
): Promise<T> {
  const { search_path: searchPath, lock_timeout: lockTimeout, database } = await waitForLock(client, schema, signal);
  return withCleanup(
    () => work({ database }),
    async () => {
      await rollbackOpenTransaction(client);
      await client.query(RESTORE_AND_UNLOCK, [lockName(schema), searchPath, lockTimeout]);
    },
  );
}

/** True, and the turn is held until the session ends or gives it back with `giveTurn`. */
export async function tryLock(client: pg.ClientBase, schema: string): Promise<boolean> {
  return (await tryLockAndReadSettings(client, schema)) !== undefined;
}

export async function unlock(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query('SELECT pg_advisory_unlock(hashtext($1))', [lockName(schema)]);
}

/** True when there was one. */
export async function rollbackOpenTransaction(client: pg.ClientBase): Promise<boolean> {
  if (client.getTransactionStatus() === 'I') return false;
  await client.query('ROLLBACK');
  return true;
}

async function waitForLock(client: pg.ClientBase, schema: string, signal: AbortSignal | undefined): Promise<SavedSettings> {
  for (;;) {
    signal?.throwIfAborted();
    const settings = await tryLockAndReadSettings(client, schema);
    if (settings) return settings;
    await pause(RETRY_MS * (1 + Math.random() / 2), signal);
  }
}

async function tryLockAndReadSettings(client: pg.ClientBase, schema: string): Promise<SavedSettings | undefined> {
  const { rows } = await client.query<SavedSettings & { mine: boolean }>(TRY_LOCK, [lockName(schema)]);
  return rows[0]?.mine === true ? rows[0] : undefined;
}

function lockName(schema: string): string {
  return `tenantry migrations ${schema}`;
}
