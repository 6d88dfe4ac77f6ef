import pg from 'pg';
import { searchPathOf } from '../statements/stamps/stamp.js';

/** The SQLSTATE of a statement that a request to cancel has reached. */
const CANCELED = '57014';
const ROLLBACK_ATTEMPTS = 5;

/** Copies that are read, compared and verified see one state of the data. */
export const SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

// Values have the same text on both sides only under the same settings. With row_security off, a policy that would hide rows
// from this role raises an error. The time limits are those of transactions that wait for the other side. Without parallel
// workers a copy takes one core of each server at most. Not every version of PostgreSQL has each setting.
const SETTINGS = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '3',
  idle_in_transaction_session_timeout: '0',
  lc_monetary: 'C',
  max_parallel_workers_per_gather: '0',
  row_security: 'off',
  search_path: 'pg_catalog',
  statement_timeout: '0',
  transaction_timeout: '0',
  xmloption: 'content',
};

const APPLY_SETTINGS = `SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS setting (name, value)
  WHERE current_setting(name, true) IS NOT NULL`;

/** Settings under which equal values have equal texts, until the transaction ends. */
export async function setTextForms(client: pg.ClientBase): Promise<void> {
  await client.query(APPLY_SETTINGS, [Object.keys(SETTINGS), Object.values(SETTINGS)]);
}

/** The same, with the search path of the application: its check constraints may call functions in its schema. */
export async function setWriting(client: pg.ClientBase, schema: string): Promise<void> {
  const settings = { ...SETTINGS, search_path: searchPathOf(schema) };
  await client.query(APPLY_SETTINGS, [Object.keys(settings), Object.values(settings)]);
}

/**
 * Keeps tables as they are until the transaction ends, before its snapshot is taken: one that is rewritten meanwhile would look
 * empty to an older snapshot (https://www.postgresql.org/docs/current/mvcc-caveats.html).
 *
 * @param tables as SQL
 */
export async function lockForReading(client: pg.ClientBase, tables: readonly string[]): Promise<void> {
  if (tables.length > 0) await client.query(`LOCK TABLE ${tables.join(', ')} IN ACCESS SHARE MODE`);
}

/** Runs `work` in a transaction, committed when it succeeds; otherwise rolled back, and the connection is as before. */
export async function transaction<T>(client: pg.ClientBase, begin: string, work: () => Promise<T>): Promise<T> {
  await client.query(begin);
  let result: T;
  try {
    result = await work();
    await client.query('COMMIT');
  } catch (error) {
    await rollBack(client);
    throw error;
  }
  return result;
}

/** A late request to cancel may reach the rollback itself. On a lost connection, the server has rolled back. */
async function rollBack(client: pg.ClientBase): Promise<void> {
  for (let attempt = 1; attempt <= ROLLBACK_ATTEMPTS; attempt += 1) {
    try {
      await client.query('ROLLBACK');
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== CANCELED) return;
    }
  }
}
