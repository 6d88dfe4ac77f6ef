import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Archives of tenants that were exported into the store. Former releases ignore them. */
export class Exports1778500000000 implements MigrationInterface {
  // tenant_id is not a foreign key: where the store is away while the tenant is deleted, the row keeps the object's key until
  // the object is removed. It has no name of the tenant.
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE exports (
        id uuid PRIMARY KEY,
        tenant_id uuid NOT NULL,
        object_key text NOT NULL UNIQUE,
        recipients text[] NOT NULL,
        state text NOT NULL CHECK (state IN ('writing', 'kept')),
        taken_at timestamptz,
        bytes bigint,
        rows bigint,
        sha256 text,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        CHECK (state <> 'kept' OR (taken_at IS NOT NULL AND bytes IS NOT NULL AND rows IS NOT NULL AND sha256 IS NOT NULL))
      );
      CREATE INDEX exports_of_tenant ON exports (tenant_id);
      CREATE INDEX exports_in_order ON exports (created_at, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE exports');
  }
}
