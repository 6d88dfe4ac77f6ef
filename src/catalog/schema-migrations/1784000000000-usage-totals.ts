import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What all tenants together have used on an instance in its last minute. Former releases ignore it, and leave it null. */
export class UsageTotals1784000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE usage_writers ADD COLUMN totals jsonb');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE usage_writers DROP COLUMN totals');
  }
}
