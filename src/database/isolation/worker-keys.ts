import type pg from 'pg';
import { databaseHasCitus } from '../citus/citus.js';
import { runOnWorkers } from '../citus/run-on-workers.js';
import { ISOLATION_SCHEMA, KEYS_TABLE } from './isolation-functions.js';

const KEYS = `
  SELECT id, encode(inner_block, 'hex') AS inner, encode(outer_block, 'hex') AS outer FROM ${ISOLATION_SCHEMA}.keys ORDER BY id`;

/**
 * Gives the workers of Citus the keys of the connected database; does nothing without Citus.
 *
 * Policies call `may_read()` within a query on a shard, where Citus refuses to read any table of its own, a reference table too. So
 * the keys are in an ordinary table on each node, of the same name.
 *
 * @param client connected as the owner, to a database with `ensureIsolationFunctions`
 * @throws CitusWorkerError
 */
export async function copyKeysToWorkers(client: pg.ClientBase): Promise<void> {
  if (!(await databaseHasCitus(client))) return;
  const { rows } = await client.query<KeyRow>(KEYS);
  await runOnWorkers(client, workerKeysCommand(rows));
}

interface KeyRow {
  readonly id: number;
  /** Hexadecimal digits, as `outer`. */
  readonly inner: string;
  readonly outer: string;
}

/** One command, so that a worker has all of it or nothing. */
function workerKeysCommand(keys: readonly KeyRow[]): string {
  const rows = keys.map(({ id, inner, outer }) => `(${id}, '\\x${inner}'::bytea, '\\x${outer}'::bytea)`);
  const insert =
    rows.length === 0
      ? ''
      : `INSERT INTO ${ISOLATION_SCHEMA}.keys (id, inner_block, outer_block) OVERRIDING SYSTEM VALUE
         VALUES ${rows.join(', ')};`;
  return `DO $tenantry$ BEGIN
    ${KEYS_TABLE};
    DELETE FROM ${ISOLATION_SCHEMA}.keys;
    ${insert}
  END $tenantry$`;
}
