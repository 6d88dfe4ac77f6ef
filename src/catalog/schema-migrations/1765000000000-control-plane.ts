import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of the control plane: operations with their results, the audit log, and responses to repeated requests. */
export class ControlPlane1765000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(APPEND_ONLY);
    await runner.query(TOUCH);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_keys, audit_log, operation_tenants, operations');
    await runner.query('DROP FUNCTION catalog_append_only');
    await runner.query('DROP TRIGGER touch ON tenants');
    await runner.query('DROP FUNCTION catalog_touch');
    await runner.query('ALTER TABLE servers DROP COLUMN draining');
  }
}

const TABLES = `
  ALTER TABLE servers ADD COLUMN draining boolean NOT NULL DEFAULT false;

  -- tenant_id is not a foreign key: the record of a deprovisioning outlives the tenant.
  CREATE TABLE operations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    status text NOT NULL DEFAULT 'pending'
      CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    tenant_id uuid,
    subject text NOT NULL,
    input jsonb NOT NULL DEFAULT '{}',
    required_code bigint NOT NULL DEFAULT 0,
    state jsonb NOT NULL DEFAULT '{}',
    steps text[] NOT NULL,
    finished_steps text[] NOT NULL DEFAULT '{}',
    step text,
    done integer,
    total integer,
    result jsonb,
    error jsonb,
    attempts integer NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    run_after timestamptz NOT NULL DEFAULT now(),
    instance text,
    heartbeat_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
  );
  CREATE INDEX operations_newest ON operations (created_at DESC, id DESC);
  CREATE INDEX operations_due ON operations (run_after) WHERE status IN ('pending', 'running');
  CREATE INDEX operations_tenant ON operations (tenant_id);
  CREATE UNIQUE INDEX one_operation_per_tenant ON operations (tenant_id)
    WHERE status IN ('pending', 'running') AND tenant_id IS NOT NULL;
  CREATE UNIQUE INDEX one_operation_per_subject ON operations (kind, subject)
    WHERE status IN ('pending', 'running') AND tenant_id IS NULL;

  CREATE TABLE operation_tenants (
    operation_id uuid NOT NULL REFERENCES operations ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    slug text NOT NULL,
    status text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    error jsonb,
    from_version text,
    to_version text,
    duration_ms integer NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operation_id, tenant_id)
  );

  CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    subject text NOT NULL,
    before jsonb,
    after jsonb
  );
  CREATE INDEX audit_log_subject_id ON audit_log (subject_id, id DESC);
  CREATE INDEX audit_log_subject ON audit_log (subject, id DESC);

  CREATE TABLE idempotency_keys (
    key text PRIMARY KEY,
    request_hash text NOT NULL,
    answer_sealed text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  );`;

const APPEND_ONLY = `
  CREATE FUNCTION catalog_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
  END $$;
  CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION catalog_append_only();
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_log EXECUTE FUNCTION catalog_append_only();`;

const TOUCH = `
  CREATE FUNCTION catalog_touch() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.updated_at := now();
    RETURN NEW;
  END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON tenants FOR EACH ROW EXECUTE FUNCTION catalog_touch();`;
