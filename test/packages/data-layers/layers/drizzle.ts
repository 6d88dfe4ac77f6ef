import { eq, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { TenantPool } from '../../../../src/index.js';
import type { DataLayer } from '../layer.js';

export const memos = pgTable('memos', { id: uuid('id').primaryKey(), text: text('text').notNull() });

export function drizzleLayer(pool: TenantPool): DataLayer {
  return layerOver(drizzle(pool));
}

function layerOver(
  db: Pick<NodePgDatabase, 'select' | 'insert' | 'update' | 'delete' | 'execute' | 'transaction'>,
): DataLayer {
  return {
    list: async () => (await db.select().from(memos).orderBy(memos.text)).map((memo) => memo.text),
    read: async (id) => (await db.select().from(memos).where(eq(memos.id, id)))[0]?.text,
    insert: (id, value) => db.insert(memos).values({ id, text: value }),
    update: async (id, value) => (await db.update(memos).set({ text: value }).where(eq(memos.id, id))).rowCount ?? 0,
    remove: async (id) => (await db.delete(memos).where(eq(memos.id, id))).rowCount ?? 0,
    raw: (statement) => db.execute(sql.raw(statement)),
    transaction: (work) => db.transaction((inner) => work(layerOver(inner))),
  };
}
