import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whether a target's database was there before Tenantry, and which schema of it has the tables of row tenants. Former releases
 * ignore both: they would place new row tenants in a schema of their own.
 */
export class AdoptedTargets1775000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE connection_targets
      ADD COLUMN adopted boolean NOT NULL DEFAULT false, ADD COLUMN row_schema text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE connection_targets DROP COLUMN adopted, DROP COLUMN row_schema');
  }
}
