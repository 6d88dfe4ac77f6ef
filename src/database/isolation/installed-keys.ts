import type pg from 'pg';
import { ISOLATION_SCHEMA } from './isolation-functions.js';
import { copyKeysToWorkers } from './worker-keys.js';
import { fromInnerBlock, newStampKey, type StampKey, toHmacBlocks } from './stamp-key.js';

// All of these need the owner's connection to a database with `ensureIsolationFunctions`. Those that change something throw a
// CitusWorkerError when the workers of Citus do not have it afterwards.

/** The keys whose proofs the database accepts, oldest first. */
export async function installedKeys(client: pg.ClientBase): Promise<StampKey[]> {
  const { rows } = await client.query<{ inner: Buffer }>(
    `SELECT inner_block AS inner FROM ${ISOLATION_SCHEMA}.keys ORDER BY id`,
  );
  return rows.map(({ inner }) => fromInnerBlock(inner));
}

/** Makes the database accept the key's proofs, too. */
export async function installKey(client: pg.ClientBase, key: StampKey): Promise<void> {
  const { inner, outer } = toHmacBlocks(key);
  await client.query(
    `INSERT INTO ${ISOLATION_SCHEMA}.keys (inner_block, outer_block) VALUES ($1, $2) ON CONFLICT (inner_block) DO NOTHING`,
    [inner, outer],
  );
  await copyKeysToWorkers(client);
}

/** Makes the database accept this key's proofs only. */
export async function removeOtherKeys(client: pg.ClientBase, key: StampKey): Promise<void> {
  await client.query(`DELETE FROM ${ISOLATION_SCHEMA}.keys WHERE inner_block <> $1`, [toHmacBlocks(key).inner]);
  await copyKeysToWorkers(client);
}

/**
 * The database's newest key; a new one when it has none. Concurrent callers get the same key.
 *
 * @param client not in a transaction
 */
export async function ensureKey(client: pg.ClientBase): Promise<StampKey> {
  const { inner, outer } = toHmacBlocks(newStampKey());
  await client.query('BEGIN');
  try {
    await client.query(`LOCK TABLE ${ISOLATION_SCHEMA}.keys IN SHARE ROW EXCLUSIVE MODE`);
    const { rows } = await client.query<{ inner: Buffer }>(
      `WITH present AS (SELECT inner_block, id FROM ${ISOLATION_SCHEMA}.keys),
            added AS (INSERT INTO ${ISOLATION_SCHEMA}.keys (inner_block, outer_block)
                      SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM present) RETURNING inner_block, id)
       SELECT inner_block AS inner FROM (TABLE present UNION ALL TABLE added) k ORDER BY id DESC LIMIT 1`,
      [inner, outer],
    );
    await client.query('COMMIT');
    if (!rows[0]) throw new Error('the database has no stamp key after one was added');
    return fromInnerBlock(rows[0].inner);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw error;
  }
}
