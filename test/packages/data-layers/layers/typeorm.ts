import { Column, Entity, type EntityManager, PrimaryColumn } from 'typeorm';
import { createTenantTable, type TenantContext, TenantryModule } from '../../../../src/index.js';
import { migration } from '../../../support/tables/migration-fixture.js';
import type { DataLayer } from '../layer.js';

@Entity('memos')
class Memo {
  @PrimaryColumn('uuid') id: string;
  @Column('text') text: string;
}

const CREATE_MEMOS = migration('CreateMemos1764200000000', (runner) =>
  createTenantTable(runner, 'memos', { columns: { id: 'uuid NOT NULL', text: 'text NOT NULL' } }),
);

/** The table that all layers use. */
export const memosFeature = TenantryModule.forFeature({ entities: [Memo], migrations: [CREATE_MEMOS] });

export function typeormLayer(context: TenantContext): DataLayer {
  return layerOver(() => context.current().dataSource.manager);
}

function layerOver(manager: () => EntityManager): DataLayer {
  return {
    list: async () => (await manager().find(Memo, { order: { text: 'ASC' } })).map(({ text }) => text),
    read: async (id) => (await manager().findOneBy(Memo, { id }))?.text,
    insert: (id, text) => manager().insert(Memo, { id, text }),
    update: async (id, text) => (await manager().update(Memo, { id }, { text })).affected ?? 0,
    remove: async (id) => (await manager().delete(Memo, { id })).affected ?? 0,
    raw: (sql) => manager().query(sql),
    transaction: (work) => manager().transaction((inner) => work(layerOver(() => inner))),
    async *stream() {
      const rows = await manager().createQueryBuilder(Memo, 'memo').orderBy('memo.text').stream();
      for await (const row of rows) yield (row as unknown as { memo_text: string }).memo_text;
    },
  };
}
