import { CompiledQuery, type ControlledTransaction, Kysely, PostgresDialect } from 'kysely';
import Cursor from 'pg-cursor';
import type { TenantPool } from '../../../../src/index.js';
import type { DataLayer } from '../layer.js';

interface Tables {
  memos: { id: string; text: string };
}

export function createKysely(pool: TenantPool): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
}

export function kyselyLayer(db: Kysely<Tables>): DataLayer {
  const stream = async function* (): AsyncGenerator<string> {
    for await (const { text } of db.selectFrom('memos').select('text').orderBy('text').stream(2)) yield text;
  };
  return {
    ...statements(db),
    stream,
    transaction: (work) => transaction(db, work),
  };
}

function statements(db: Kysely<Tables>): Omit<DataLayer, 'transaction'> {
  return {
    list: async () => (await db.selectFrom('memos').select('text').orderBy('text').execute()).map(({ text }) => text),
    read: async (id) => (await db.selectFrom('memos').select('text').where('id', '=', id).executeTakeFirst())?.text,
    insert: (id, text) => db.insertInto('memos').values({ id, text }).execute(),
    update: async (id, text) =>
      Number((await db.updateTable('memos').set({ text }).where('id', '=', id).executeTakeFirst()).numUpdatedRows),
    remove: async (id) => Number((await db.deleteFrom('memos').where('id', '=', id).executeTakeFirst()).numDeletedRows),
    raw: (sql) => db.executeQuery(CompiledQuery.raw(sql)),
  };
}

async function transaction<T>(db: Kysely<Tables>, work: (inside: DataLayer) => Promise<T>): Promise<T> {
  const started = await db.startTransaction().execute();
  try {
    const result = await work(inside(started));
    await started.commit().execute();
    return result;
  } catch (error) {
    await started.rollback().execute();
    throw error;
  }
}

function inside(db: ControlledTransaction<Tables>): DataLayer {
  const nested: DataLayer['transaction'] = async (work) => {
    const saved = await db.savepoint('nested').execute();
    try {
      const result = await work(inside(db));
      await saved.releaseSavepoint('nested').execute();
      return result;
    } catch (error) {
      await saved.rollbackToSavepoint('nested').execute();
      throw error;
    }
  };
  return { ...statements(db), transaction: nested };
}
