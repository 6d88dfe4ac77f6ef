import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What decides on which server a tenant is placed: labels and capacities of servers, the labels that a tenant's server must have, and
 * the server of a tenant that has no place yet. Former releases ignore all of it, and place tenants without regard to it.
 */
export class Placement1790100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE servers
        ADD COLUMN labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object'),
        ADD COLUMN max_tenants integer CHECK (max_tenants >= 0),
        ADD COLUMN max_bytes bigint CHECK (max_bytes >= 0);
      ALTER TABLE tenants
        ADD COLUMN placement_labels jsonb CHECK (jsonb_typeof(placement_labels) = 'object'),
        ADD COLUMN planned_server_id uuid REFERENCES servers ON DELETE SET NULL;
      CREATE INDEX tenants_planned ON tenants (planned_server_id) WHERE target_id IS NULL AND planned_server_id IS NOT NULL;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE tenants DROP COLUMN placement_labels, DROP COLUMN planned_server_id;
      ALTER TABLE servers DROP COLUMN labels, DROP COLUMN max_tenants, DROP COLUMN max_bytes`);
  }
}
