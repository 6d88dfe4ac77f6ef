import { createTenantTable, dropTenantTable } from 'tenantry';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** No column and no key names the tenant: `createTenantTable` adds it to all of them. */
export class CreateBoards1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'boards', {
      columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', name: 'text NOT NULL' },
      unique: [['name']],
    });
    await createTenantTable(runner, 'cards', {
      columns: {
        id: 'uuid NOT NULL DEFAULT gen_random_uuid()',
        board_id: 'uuid NOT NULL',
        title: 'text NOT NULL',
        done: 'boolean NOT NULL DEFAULT false',
      },
      foreignKeys: [{ columns: ['board_id'], references: { table: 'boards' }, onDelete: 'CASCADE' }],
      indexes: [['board_id']],
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'cards');
    await dropTenantTable(runner, 'boards');
  }
}
