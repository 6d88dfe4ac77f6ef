import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What tenants have used, per hour. `tenant_id` has no foreign key: bills are written after a tenant was deleted. Former
 * releases ignore all of it.
 */
export class Usage1781000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE usage_hours (
        hour timestamptz NOT NULL,
        tenant_id uuid NOT NULL,
        requests bigint NOT NULL,
        runs bigint NOT NULL,
        errors bigint NOT NULL,
        duration_ms float8 NOT NULL,
        statements bigint NOT NULL,
        wait_ms float8 NOT NULL,
        database_ms float8 NOT NULL,
        rows_read bigint NOT NULL,
        rows_written bigint NOT NULL,
        PRIMARY KEY (hour, tenant_id)
      );
      CREATE INDEX usage_hours_of_tenant ON usage_hours (tenant_id, hour);

      CREATE TABLE usage_writers (
        id uuid PRIMARY KEY,
        batch bigint NOT NULL,
        written_at timestamptz NOT NULL,
        recent jsonb NOT NULL
      );

      CREATE TABLE usage_closing (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        closed_until timestamptz NOT NULL
      );
      INSERT INTO usage_closing (closed_until) VALUES ('epoch');`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE usage_hours, usage_writers, usage_closing');
  }
}
