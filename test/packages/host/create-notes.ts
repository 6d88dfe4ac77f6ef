import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTenantTable, dropTenantTable } from 'tenantry';

export class CreateNotes1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'notes', {
      columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' },
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'notes');
  }
}
