import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTenantTable, dropTenantTable } from '../../index.js';

export class CreateOrders1764000001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'orders', {
      columns: {
        id: 'uuid NOT NULL DEFAULT gen_random_uuid()',
        number: 'text NOT NULL',
        customer_id: 'uuid NOT NULL',
        status: 'text NOT NULL',
        currency: 'text NOT NULL',
        total: 'bigint NOT NULL',
        version: 'integer NOT NULL DEFAULT 1',
        created_at: 'timestamptz(3) NOT NULL DEFAULT now()',
        updated_at: 'timestamptz(3) NOT NULL DEFAULT now()',
      },
      unique: [['number']],
      foreignKeys: [{ columns: ['customer_id'], references: { table: 'customers' } }],
      indexes: [['created_at', 'id'], ['customer_id']],
      checks: {
        status: `status IN ('draft', 'placed', 'paid', 'shipped', 'cancelled')`,
        currency: `currency ~ '^[A-Z]{3}$'`,
        total: 'total BETWEEN 0 AND 9007199254740991',
      },
    });
    await createTenantTable(runner, 'order_lines', {
      columns: {
        order_id: 'uuid NOT NULL',
        position: 'integer NOT NULL',
        description: 'text NOT NULL',
        quantity: 'integer NOT NULL',
        unit_price: 'bigint NOT NULL',
      },
      primaryKey: ['order_id', 'position'],
      foreignKeys: [{ columns: ['order_id'], references: { table: 'orders' }, onDelete: 'CASCADE' }],
      checks: { quantity: 'quantity > 0', unit_price: 'unit_price >= 0' },
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'order_lines');
    await dropTenantTable(runner, 'orders');
  }
}
