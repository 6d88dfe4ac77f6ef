import { createTenantTable, dropTenantTable } from 'tenantry';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateOrders1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'orders', {
      columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', cents: 'integer NOT NULL', receipt: 'text' },
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'orders');
  }
}
