import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The ids of the tenant and of the operator of each audit entry, and the operator of each impersonation key: names are used
 * again, and those of tenants, operators and plans may be the same. Filled for former rows as far as the catalog tells.
 */
export class AuditedTenants1786000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COLUMNS);
    await runner.query(AUDITED_TENANT);
    await runner.query(FILL);
    await runner.query(INDEXES);
    await runner.query(TRIGGER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER audited_tenant ON audit_log;
      DROP FUNCTION catalog_set_audited_tenant, catalog_audited_tenant;
      DROP INDEX audit_log_operated;
      ALTER TABLE audit_log DROP COLUMN tenant_id, DROP COLUMN actor_id;
      ALTER TABLE api_keys DROP COLUMN operator_id`);
  }
}

// tenant_id is not a foreign key: entries outlive their tenant.
const COLUMNS = `
  ALTER TABLE audit_log ADD COLUMN tenant_id uuid, ADD COLUMN actor_id uuid;
  ALTER TABLE api_keys ADD COLUMN operator_id uuid REFERENCES operators;`;

const AUDITED_TENANT = `
  CREATE FUNCTION catalog_audited_tenant(subject_kind text, subject_id text) RETURNS uuid
  LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT CASE
      WHEN subject_kind = 'api-key' THEN (SELECT k.tenant_id FROM api_keys k WHERE k.id = subject_id)
      WHEN subject_id !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN NULL
      WHEN subject_kind = 'tenant' THEN subject_id::uuid
      WHEN subject_kind = 'operation' THEN (SELECT o.tenant_id FROM operations o WHERE o.id = subject_id::uuid)
    END
  $$;`;

/** An operator's entries are those with an address of its name, which no other operator had at that time. */
const FILL = `
  ALTER TABLE audit_log DISABLE TRIGGER append_only;
  UPDATE audit_log a SET
    tenant_id = catalog_audited_tenant(subject_kind, subject_id),
    actor_id = (SELECT o.id FROM operators o WHERE o.name = a.actor AND a.address IS NOT NULL
      AND a.at BETWEEN o.created_at AND coalesce(o.revoked_at, 'infinity') ORDER BY o.created_at LIMIT 1)
    WHERE subject_kind IN ('tenant', 'api-key', 'operation') OR address IS NOT NULL;
  -- Keys of a deleted tenant are gone. Their entries have its pseudonym, as the tenant's own entries do.
  UPDATE audit_log a SET tenant_id = t.tenant_id FROM (
      SELECT subject, min(subject_id)::uuid AS tenant_id FROM audit_log
      WHERE subject_kind = 'tenant' AND tenant_id IS NOT NULL AND subject = catalog_pseudonym(subject_id)
      GROUP BY subject HAVING min(subject_id) = max(subject_id)
    ) t
    WHERE a.tenant_id IS NULL AND a.subject_kind = 'api-key' AND a.subject = t.subject;
  ALTER TABLE audit_log ENABLE TRIGGER append_only;
  UPDATE api_keys k SET operator_id = o.id FROM operators o
    WHERE k.impersonated_by = o.name AND k.created_at BETWEEN o.created_at AND coalesce(o.revoked_at, 'infinity');`;

const INDEXES = `
  CREATE INDEX audit_log_tenant ON audit_log (tenant_id, id DESC) WHERE tenant_id IS NOT NULL;
  -- What an operation without a tenant is about: the server of "rotate-credentials eu-2".
  CREATE INDEX audit_log_operated ON audit_log (substr(subject, strpos(subject, ' ') + 1), id DESC)
    WHERE subject_kind = 'operation' AND tenant_id IS NULL;
  CREATE INDEX api_keys_of_operator ON api_keys (operator_id) WHERE operator_id IS NOT NULL;`;

// In the catalog, so that entries which a former release writes during an update have it as well.
const TRIGGER = `
  CREATE FUNCTION catalog_set_audited_tenant() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    NEW.tenant_id := coalesce(NEW.tenant_id, catalog_audited_tenant(NEW.subject_kind, NEW.subject_id));
    RETURN NEW;
  END $$;
  CREATE TRIGGER audited_tenant BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION catalog_set_audited_tenant();`;
