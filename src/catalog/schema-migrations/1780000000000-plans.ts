import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Plans, and the settings and feature flags of tenants. The table is not named `plans`: catalogs of former releases may be in
 * `public`, where an application may have plans as well. Former releases ignore all of it.
 */
export class Plans1780000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(ANNOUNCE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE tenants DROP COLUMN plan, DROP COLUMN settings, DROP COLUMN features;
      DROP TABLE tenant_plans;
      DROP FUNCTION catalog_plan_changed`);
  }
}

/** An object of at most 64 KiB, also when it is written by hand. */
const document = (column: string): string =>
  `${column} jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(${column}) = 'object' AND octet_length(${column}::text) <= 65536)`;

const TABLES = `
  CREATE TABLE tenant_plans (
    name text PRIMARY KEY CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    description text,
    ${document('settings')},
    ${document('features')},
    ${document('limits')},
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
  );
  ALTER TABLE tenants
    ADD COLUMN plan text CONSTRAINT tenants_plan_fkey REFERENCES tenant_plans ON UPDATE CASCADE,
    ADD COLUMN ${document('settings')},
    ADD COLUMN ${document('features')};
  CREATE INDEX tenants_plan ON tenants (plan, slug) WHERE plan IS NOT NULL;`;

// One notification, however many tenants are on the plan: their rows, and their versions, stay as they are.
const ANNOUNCE = `
  CREATE FUNCTION catalog_plan_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    PERFORM catalog_notify(jsonb_build_object('plan', coalesce(NEW.name, OLD.name)));
    RETURN NULL;
  END $$;
  CREATE TRIGGER raise_version BEFORE UPDATE ON tenant_plans FOR EACH ROW EXECUTE FUNCTION catalog_raise_version();
  CREATE TRIGGER touch BEFORE UPDATE ON tenant_plans FOR EACH ROW EXECUTE FUNCTION catalog_touch();
  CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON tenant_plans
    FOR EACH ROW EXECUTE FUNCTION catalog_plan_changed();
  CREATE TRIGGER announce_truncate AFTER TRUNCATE ON tenant_plans EXECUTE FUNCTION catalog_truncated();`;
