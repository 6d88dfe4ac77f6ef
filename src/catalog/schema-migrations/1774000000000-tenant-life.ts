import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Hooks of a tenant's life, with their results, and tenants that are provisioned ahead of their sign-up. */
export class TenantLife1774000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(HOOKS);
    await runner.query(ERASE);
    await runner.query(SPARES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX tenants_spare;
      ALTER TABLE tenants DROP COLUMN spare_server_id;
      DROP TRIGGER erase_hooks ON tenants;
      DROP FUNCTION catalog_erase_hooks;
      DROP TABLE operation_hooks;
      DROP INDEX one_operation_per_tenant;
      UPDATE operations SET status = 'cancelled', finished_at = now()
        WHERE kind IN ('suspended-hooks', 'resumed-hooks') AND status IN ('pending', 'running');
      CREATE UNIQUE INDEX one_operation_per_tenant ON operations (tenant_id)
        WHERE status IN ('pending', 'running') AND tenant_id IS NOT NULL;
      ALTER TABLE operations DROP COLUMN required_hooks;`);
  }
}

// A suspension must never wait for another operation on the tenant, so those that only call hooks are not exclusive.
const HOOKS = `
  ALTER TABLE operations ADD COLUMN required_hooks text[];
  DROP INDEX one_operation_per_tenant;
  CREATE UNIQUE INDEX one_operation_per_tenant ON operations (tenant_id)
    WHERE status IN ('pending', 'running') AND tenant_id IS NOT NULL AND kind NOT IN ('suspended-hooks', 'resumed-hooks');

  -- tenant_id is not a foreign key: the record of a deletion outlives the tenant.
  CREATE TABLE operation_hooks (
    operation_id uuid NOT NULL REFERENCES operations ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    event text NOT NULL,
    hook text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'retrying', 'succeeded', 'failed')),
    attempts integer NOT NULL,
    error jsonb,
    transaction_id text,
    duration_ms integer,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (operation_id, tenant_id, event, hook)
  );
  CREATE INDEX operation_hooks_tenant ON operation_hooks (tenant_id);`;

const ERASE = `
  CREATE FUNCTION catalog_erase_hooks() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    UPDATE operation_hooks SET error = catalog_erased_fields(error, OLD.slug, catalog_pseudonym(OLD.id::text))
      WHERE tenant_id = OLD.id AND error IS NOT NULL;
    RETURN NULL;
  END $$;
  CREATE TRIGGER erase_hooks AFTER DELETE ON tenants FOR EACH ROW EXECUTE FUNCTION catalog_erase_hooks();`;

// A spare tenant has the status 'provisioning', so that instances of every release refuse to serve it.
const SPARES = `
  ALTER TABLE tenants ADD COLUMN spare_server_id uuid REFERENCES servers;
  CREATE INDEX tenants_spare ON tenants (spare_server_id, isolation) WHERE spare_server_id IS NOT NULL;`;
