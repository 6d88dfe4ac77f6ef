import type pg from 'pg';

/** Tenants would wait behind a migration that waits for the table: reading gives up first. */
const LOCK_TIMEOUT_MS = 500;
const SETTINGS = `
  SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true),
         set_config('row_security', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
         set_config('cursor_tuple_fraction', '1', true)`;

/** Reads in a transaction that gives way: to locks, after a time, and without parallel workers. */
export async function readQuietly<T>(client: pg.ClientBase, timeoutMs: number, read: () => Promise<T>): Promise<T> {
  await client.query('BEGIN READ ONLY');
  try {
    await client.query(SETTINGS, [String(Math.ceil(timeoutMs))]);
    return await read();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined); // of a lost connection, whose first error counts
  }
}
