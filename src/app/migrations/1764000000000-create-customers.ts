import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTenantTable, dropTenantTable } from '../../index.js';

export class CreateCustomers1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'customers', {
      columns: {
        id: 'uuid NOT NULL DEFAULT gen_random_uuid()',
        email: 'text NOT NULL',
        name: 'text NOT NULL',
        version: 'integer NOT NULL DEFAULT 1',
        created_at: 'timestamptz(3) NOT NULL DEFAULT now()',
        updated_at: 'timestamptz(3) NOT NULL DEFAULT now()',
      },
      unique: [['email']],
      indexes: [['created_at', 'id']],
      checks: { email: 'email = lower(email)' },
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'customers');
  }
}
