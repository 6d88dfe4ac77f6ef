import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which migrations a tenant's tables have: a set, stored once for all tenants that have the same. Null where it is not
 * known: until the tables are looked at, and when a former release, which does not know the column, has changed them.
 */
export class MigrationSets1771000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(SETS);
    await runner.query(FORGET);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TRIGGER forget_migration_set ON tenants');
    await runner.query('DROP FUNCTION catalog_forget_migration_set');
    await runner.query('ALTER TABLE operations DROP COLUMN required_set');
    await runner.query('ALTER TABLE tenants DROP COLUMN migration_set');
    await runner.query('DROP TABLE migration_sets');
  }
}

const SETS = `
  CREATE TABLE migration_sets (digest text PRIMARY KEY, names text[] NOT NULL);
  ALTER TABLE tenants ADD COLUMN migration_set text REFERENCES migration_sets;
  CREATE INDEX tenants_active_migrations ON tenants (migration_set, schema_version) WHERE status = 'active';
  ALTER TABLE operations ADD COLUMN required_set text REFERENCES migration_sets;`;

const FORGET = `
  CREATE FUNCTION catalog_forget_migration_set() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.migration_set := NULL;
    RETURN NEW;
  END $$;
  CREATE TRIGGER forget_migration_set BEFORE UPDATE ON tenants FOR EACH ROW
    WHEN (NEW.schema_version IS DISTINCT FROM OLD.schema_version
      AND NEW.migration_set IS NOT DISTINCT FROM OLD.migration_set)
    EXECUTE FUNCTION catalog_forget_migration_set();`;
