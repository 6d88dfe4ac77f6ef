import type pg from 'pg';
import Cursor from 'pg-cursor';
import type { TenantPool } from '../../../../src/index.js';
import type { DataLayer } from '../layer.js';

/** Plain SQL. */
export function plainLayer(pool: TenantPool): DataLayer {
  return { ...statements(pool), stream: () => read(pool), transaction: (work) => transaction(pool, work) };
}

type Statements = Omit<DataLayer, 'transaction'>;

function statements(pool: Pick<TenantPool, 'query'>): Statements {
  return {
    list: async () =>
      (await pool.query<{ text: string }>('SELECT text FROM memos ORDER BY text')).rows.map((row) => row.text),
    read: async (id) =>
      (await pool.query<{ text: string }>('SELECT text FROM memos WHERE id = $1', [id])).rows[0]?.text,
    insert: (id, text) => pool.query('INSERT INTO memos (id, text) VALUES ($1, $2)', [id, text]),
    update: async (id, text) =>
      (await pool.query('UPDATE memos SET text = $2 WHERE id = $1', [id, text])).rowCount ?? 0,
    remove: async (id) => (await pool.query('DELETE FROM memos WHERE id = $1', [id])).rowCount ?? 0,
    raw: (sql) => pool.query(sql),
  };
}

async function transaction<T>(pool: TenantPool, work: (inside: DataLayer) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    return await within(client, ['BEGIN', 'COMMIT', 'ROLLBACK'], work);
  } finally {
    client.release();
  }
}

async function within<T>(
  client: Pick<TenantPool, 'query'>,
  [begin, commit, rollback]: [string, string, string],
  work: (inside: DataLayer) => Promise<T>,
): Promise<T> {
  await client.query(begin);
  const nested: DataLayer['transaction'] = (inner) =>
    within(client, ['SAVEPOINT nested', 'RELEASE SAVEPOINT nested', 'ROLLBACK TO SAVEPOINT nested'], inner);
  try {
    const result = await work({ ...statements(client), transaction: nested });
    await client.query(commit);
    return result;
  } catch (error) {
    await client.query(rollback);
    throw error;
  }
}

async function* read(pool: TenantPool): AsyncGenerator<string> {
  const client = await pool.connect();
  const cursor: Cursor<{ text: string }> = client.query(new Cursor('SELECT text FROM memos ORDER BY text'));
  try {
    for (let rows = await cursor.read(2); rows.length > 0; rows = await cursor.read(2)) {
      for (const { text } of rows) yield text;
    }
  } finally {
    await cursor.close();
    client.release();
  }
}

/** Compiles as long as TenantPool is what node-postgres' types say that a pool is. */
export const asPgPool = (pool: TenantPool): pg.Pool => pool;
