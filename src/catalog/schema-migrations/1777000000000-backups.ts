import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Backups of tenants, and the key of each tenant with which they are encrypted. Former releases ignore both. */
export class Backups1777000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(ERASE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER erase_backups ON tenants;
      DROP FUNCTION catalog_erase_backups;
      DROP TABLE backups, archive_keys`);
  }
}

// tenant_id of a backup is not a foreign key: it outlives its tenant until it expires. It has no name of the tenant.
const TABLES = `
  CREATE TABLE archive_keys (
    tenant_id uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    recipient text NOT NULL,
    identity_sealed text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  );

  CREATE TABLE backups (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    object_key text NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('writing', 'kept', 'unreadable')),
    taken_at timestamptz,
    bytes bigint,
    rows bigint,
    schema_version text,
    verified_at timestamptz,
    drilled_at timestamptz,
    expires_at timestamptz,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CHECK (state <> 'kept' OR (taken_at IS NOT NULL AND verified_at IS NOT NULL AND expires_at IS NOT NULL))
  );
  CREATE INDEX backups_of_tenant ON backups (tenant_id, taken_at) WHERE state = 'kept';
  CREATE INDEX backups_in_order ON backups (created_at, id);
  CREATE INDEX backups_by_expiry ON backups (expires_at);`;

/** Whichever release or client deletes the tenant: its key goes with it, and nothing opens its backups any more. */
const ERASE = `
  CREATE FUNCTION catalog_erase_backups() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    UPDATE backups SET state = 'unreadable', expires_at = coalesce(expires_at, now()) WHERE tenant_id = OLD.id;
    RETURN NULL;
  END $$;
  CREATE TRIGGER erase_backups AFTER DELETE ON tenants FOR EACH ROW EXECUTE FUNCTION catalog_erase_backups();`;
