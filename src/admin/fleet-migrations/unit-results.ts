import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationTenantEntity } from '../../catalog/entities/operation-tenant.entity.js';
import type { OperationFailure } from '../../catalog/entities/operation.entity.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { HAS_TABLES, isBehindSql, needsMigrationSql, timestampIn } from './fleet-sql.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';
import type { MigrationUnit } from './migration-units.js';

export interface UnitSuccess {
  /** Newest migration that its tables have now. */
  readonly version: string;
  readonly durationMs: number;
}

export interface UnitFailure {
  readonly failure: OperationFailure;
  /** Newest migration up to which none is missing; null when unknown. */
  readonly reached: string | null;
  readonly durationMs: number;
  /** Message for callers while its tenants are in maintenance; null: the tenants stay active. */
  readonly maintenance: string | null;
}

/**
 * A tenant is in maintenance because of a failed migration if the last change of its status in the audit log has the id
 * of a migration. If an operator has changed the status or message since then, it is left as it is.
 */
const STOPPED_BY_MIGRATION = `coalesce(t.status = 'maintenance' AND (
  SELECT a.after ? 'migration' AND a.after ->> 'message' IS NOT DISTINCT FROM t.message
  FROM audit_log a
  WHERE a.subject_id = t.id::text AND a.subject_kind = 'tenant' AND a.after ? 'status'
  ORDER BY a.id DESC LIMIT 1), false)`;

const RECORD = `
  INSERT INTO operation_tenants AS r
    (operation_id, tenant_id, slug, status, error, from_version, to_version, duration_ms)`;

const REPLACE = `
  ON CONFLICT (operation_id, tenant_id) DO UPDATE SET status = excluded.status, error = excluded.error,
    from_version = excluded.from_version, to_version = excluded.to_version, duration_ms = excluded.duration_ms,
    finished_at = excluded.finished_at`;

const AUDIT = 'INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject, before, after)';

// One statement each, so that results, versions and statuses change atomically, for one tenant as for thousands.
const SUCCEEDED = `
  WITH unit AS (
    SELECT t.id, t.slug, t.message, t.schema_version, ${STOPPED_BY_MIGRATION} AS is_back
    FROM tenants t
    WHERE t.target_id = $2 AND t.schema_name = $3 AND ${HAS_TABLES} AND ${needsMigrationSql('$5')}
    FOR UPDATE OF t
  ), changed AS (
    UPDATE tenants t
    SET schema_version = $4, policy_version = ${POLICY_VERSION}, status = CASE WHEN is_back THEN 'active' ELSE t.status END,
        message = CASE WHEN is_back THEN NULL ELSE t.message END
    FROM unit WHERE t.id = unit.id
  ), audited AS (
    ${AUDIT}
    SELECT $7, 'tenant.maintenance-end', 'tenant', id, slug,
           jsonb_build_object('status', 'maintenance', 'message', message),
           jsonb_build_object('status', 'active', 'message', NULL, 'migration', $1::uuid)
    FROM unit WHERE is_back
  )
  ${RECORD} SELECT $1, id, slug, 'succeeded', NULL, schema_version, $4, $6 FROM unit ${REPLACE}`;

const FAILED = `
  WITH unit AS (
    SELECT t.id, t.slug, t.message, t.schema_version, $8::text IS NOT NULL AND t.status = 'active' AS is_stopped,
           $4::text IS NOT NULL AND ${isBehindSql('$5')} AS is_further
    FROM tenants t
    WHERE t.target_id = $2 AND t.schema_name = $3 AND ${HAS_TABLES} AND ${needsMigrationSql('$10')}
    FOR UPDATE OF t
  ), changed AS (
    UPDATE tenants t
    SET schema_version = CASE WHEN is_further THEN $4 ELSE t.schema_version END,
        status = CASE WHEN is_stopped THEN 'maintenance' ELSE t.status END,
        message = CASE WHEN is_stopped THEN $8 ELSE t.message END
    FROM unit WHERE t.id = unit.id AND (is_stopped OR is_further)
  ), audited AS (
    ${AUDIT}
    SELECT $7, 'tenant.maintenance', 'tenant', id, slug,
           jsonb_build_object('status', 'active', 'message', message),
           jsonb_build_object('status', 'maintenance', 'message', $8::text, 'migration', $1::uuid)
    FROM unit WHERE is_stopped
  )
  ${RECORD}
  SELECT $1, id, slug, 'failed', $9::jsonb, schema_version, CASE WHEN is_further THEN $4 ELSE schema_version END, $6
  FROM unit ${REPLACE}`;

/** Records the outcome of a unit for each of its tenants that was behind, and updates their version and status. */
@Injectable()
export class UnitResults {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  async succeeded(operationId: string, unit: MigrationUnit, { version, durationMs }: UnitSuccess): Promise<void> {
    await this.catalog.query(SUCCEEDED, [
      operationId,
      unit.targetId,
      unit.schema,
      version,
      timestampIn(version),
      durationMs,
      TENANTRY_ACTOR.name,
    ]);
  }

  /** @param needed the migration that the unit lacks */
  async failed(operationId: string, unit: MigrationUnit, needed: string, outcome: UnitFailure): Promise<void> {
    const { failure, reached, durationMs, maintenance } = outcome;
    await this.catalog.query(FAILED, [
      operationId,
      unit.targetId,
      unit.schema,
      reached,
      timestampIn(reached ?? ''),
      durationMs,
      TENANTRY_ACTOR.name,
      maintenance,
      JSON.stringify(failure),
      timestampIn(needed),
    ]);
  }

  /** Forgets failed units, so that a retry of the operation migrates them. */
  async forgetFailures(catalog: EntityManager, operationId: string): Promise<void> {
    await catalog.delete(OperationTenantEntity, { operationId, status: 'failed' });
  }
}
