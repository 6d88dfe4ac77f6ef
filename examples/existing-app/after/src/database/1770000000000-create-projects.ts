import { createTenantTable, dropTenantTable } from 'tenantry';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateProjects1770000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'projects', {
      columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', name: 'text NOT NULL' },
      unique: [['name']],
    });
    await createTenantTable(runner, 'tasks', {
      columns: {
        id: 'uuid NOT NULL DEFAULT gen_random_uuid()',
        project_id: 'uuid NOT NULL',
        title: 'text NOT NULL',
        done: 'boolean NOT NULL DEFAULT false',
      },
      foreignKeys: [{ columns: ['project_id'], references: { table: 'projects' }, onDelete: 'CASCADE' }],
      indexes: [['project_id']],
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'tasks');
    await dropTenantTable(runner, 'projects');
  }
}
