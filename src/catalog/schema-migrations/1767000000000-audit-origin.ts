import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where a change of the audit log came from, and attempts that were refused. Nullable: earlier releases do not fill them. */
export class AuditOrigin1767000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit_log
        ADD COLUMN address text,
        ADD COLUMN request_id text,
        ADD COLUMN refused_attempts integer`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE audit_log DROP COLUMN address, DROP COLUMN request_id, DROP COLUMN refused_attempts',
    );
  }
}
