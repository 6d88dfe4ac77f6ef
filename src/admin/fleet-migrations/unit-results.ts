import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationTenantEntity } from '../../catalog/entities/operation-tenant.entity.js';
import type { OperationFailure } from '../../catalog/entities/operation.entity.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { migrationSetValues, saveSetSql } from '../../catalog/tenant-tables/migration-set-sql.js';
import { NO_MIGRATION } from '../../database/table-migrations/versions/migration-names.js';
import { missingFrom, newestOf } from '../../database/table-migrations/versions/migration-set.js';
import { HAS_TABLES, needsMigrationSql } from './fleet-sql.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';
import type { MigrationUnit } from './migration-units.js';

interface UnitOutcome {
  /** Names of the migrations of this instance's code. */
  readonly needed: readonly string[];
  /** Whether tenants that the catalog took for up to date are part of the unit. */
  readonly verify: boolean;
  readonly durationMs: number;
}

export interface UnitSuccess extends UnitOutcome {
  /** Names of the migrations that its tables have now. */
  readonly recorded: readonly string[];
}

export interface UnitFailure extends UnitOutcome {
  readonly failure: OperationFailure;
  /** Names of the migrations that its tables have now; null when that could not be read. */
  readonly recorded: readonly string[] | null;
  /** Message for callers while its tenants are in maintenance; null: the tenants stay active. */
  readonly maintenance: string | null;
}

/**
 * A tenant is in maintenance because of a failed migration if the last change of its status in the audit log has the id
 * of a migration. If an operator has changed the status or message since then, it is left as it is. A deletion and its
 * restoration change nothing about the reason; a tenant that waits for its deletion has it as its previous status.
 */
const STOPPED_BY_MIGRATION = `coalesce(t.status IN ('maintenance', 'deleting') AND (
  SELECT a.action = 'tenant.maintenance' AND a.after ? 'migration'
         AND a.after ->> 'message' IS NOT DISTINCT FROM t.message
  FROM audit_log a
  WHERE a.subject_id = t.id::text AND a.subject_kind = 'tenant' AND a.after ? 'status'
        AND a.action NOT IN ('tenant.delete', 'tenant.restore')
  ORDER BY a.id DESC LIMIT 1), false)`;

const RECORD = `
  INSERT INTO operation_tenants AS r
    (operation_id, tenant_id, slug, status, error, from_version, to_version, duration_ms)`;

const REPLACE = `
  ON CONFLICT (operation_id, tenant_id) DO UPDATE SET status = excluded.status, error = excluded.error,
    from_version = excluded.from_version, to_version = excluded.to_version, duration_ms = excluded.duration_ms,
    finished_at = excluded.finished_at`;

const AUDIT = 'INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject, before, after)';

/** Its tenants, locked; those that the catalog took for up to date only if the tables were looked at anyway. */
const OF_UNIT = `
    FROM tenants t
    WHERE t.target_id = $2 AND t.schema_name = $3 AND ${HAS_TABLES} AND ($8 OR ${needsMigrationSql('$7')})
    FOR UPDATE OF t`;

// One statement each, so that results, versions and statuses change atomically, for one tenant as for thousands. A tenant
// whose row would stay the same is not updated: its cached entries remain valid.
const SUCCEEDED = `
  WITH saved AS (${saveSetSql('$9', '$10')}), unit AS (
    SELECT t.id, t.slug, t.status, t.message, t.schema_version, ${STOPPED_BY_MIGRATION} AS is_back,
           CASE t.status WHEN 'maintenance' THEN 'active' ELSE t.status END AS served_as,
           (t.schema_version, t.migration_set, t.policy_version) IS DISTINCT FROM ($4, $9, ${POLICY_VERSION}) AS is_changed
    ${OF_UNIT}
  ), changed AS (
    UPDATE tenants t
    SET schema_version = $4, migration_set = $9, policy_version = ${POLICY_VERSION},
        status = CASE WHEN is_back THEN served_as ELSE t.status END,
        message = CASE WHEN is_back THEN NULL ELSE t.message END
    FROM unit WHERE t.id = unit.id AND (is_changed OR is_back)
  ), restored_as AS (
    UPDATE operations o SET input = jsonb_set(o.input, '{previousStatus}', '"active"')
    FROM unit
    WHERE is_back AND unit.status = 'deleting' AND o.tenant_id = unit.id AND o.kind = 'delete' AND o.started_at IS NULL
          AND o.status IN ('pending', 'running', 'failed') AND o.input ->> 'previousStatus' = 'maintenance'
  ), audited AS (
    ${AUDIT}
    SELECT $6, 'tenant.maintenance-end', 'tenant', id, slug,
           jsonb_build_object('status', status, 'message', message),
           jsonb_build_object('status', served_as, 'message', NULL, 'migration', $1::uuid)
    FROM unit WHERE is_back
  )
  ${RECORD} SELECT $1, id, slug, 'succeeded', NULL, schema_version, $4, $5 FROM unit ${REPLACE}`;

const FAILED = `
  WITH saved AS (${saveSetSql('$9', '$10')}), unit AS (
    SELECT t.id, t.slug, t.message, t.schema_version, $11::text IS NOT NULL AND t.status = 'active' AS is_stopped,
           $4::text IS NOT NULL AND (t.schema_version, t.migration_set) IS DISTINCT FROM ($4, $9) AS is_changed
    ${OF_UNIT}
  ), changed AS (
    UPDATE tenants t
    SET schema_version = CASE WHEN is_changed THEN $4 ELSE t.schema_version END,
        migration_set = CASE WHEN is_changed THEN $9 ELSE t.migration_set END,
        status = CASE WHEN is_stopped THEN 'maintenance' ELSE t.status END,
        message = CASE WHEN is_stopped THEN $11 ELSE t.message END
    FROM unit WHERE t.id = unit.id AND (is_stopped OR is_changed)
  ), audited AS (
    ${AUDIT}
    SELECT $6, 'tenant.maintenance', 'tenant', id, slug,
           jsonb_build_object('status', 'active', 'message', message),
           jsonb_build_object('status', 'maintenance', 'message', $11::text, 'migration', $1::uuid)
    FROM unit WHERE is_stopped
  )
  ${RECORD}
  SELECT $1, id, slug, 'failed', $12::jsonb, schema_version, CASE WHEN is_changed THEN $4 ELSE schema_version END, $5
  FROM unit ${REPLACE}`;

/** Records the outcome of a unit for each of its tenants that was due, and updates their version and status. */
@Injectable()
export class UnitResults {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  async succeeded(operationId: string, unit: MigrationUnit, outcome: UnitSuccess): Promise<void> {
    const set = migrationSetValues(outcome.recorded);
    await this.catalog.query(SUCCEEDED, [...commonValues(operationId, unit, outcome), ...set]);
  }

  /** Tables that have all migrations have failed otherwise: their set counts as unknown, so that they are looked at again. */
  async failed(operationId: string, unit: MigrationUnit, outcome: UnitFailure): Promise<void> {
    const { failure, recorded, needed, maintenance } = outcome;
    const isComplete = recorded !== null && missingFrom(recorded, needed).length === 0;
    const set = migrationSetValues(isComplete ? null : recorded);
    const values = [...commonValues(operationId, unit, outcome), ...set, maintenance, JSON.stringify(failure)];
    await this.catalog.query(FAILED, values);
  }

  /** Forgets failed units, so that a retry of the operation migrates them. */
  async forgetFailures(catalog: EntityManager, operationId: string): Promise<void> {
    await catalog.delete(OperationTenantEntity, { operationId, status: 'failed' });
  }
}

/** $1 to $8. */
function commonValues(
  operationId: string,
  { targetId, schema }: MigrationUnit,
  { recorded, needed, verify, durationMs }: UnitSuccess | UnitFailure,
): unknown[] {
  const version = recorded && (newestOf(recorded) ?? NO_MIGRATION);
  return [operationId, targetId, schema, version, durationMs, TENANTRY_ACTOR.name, needed, verify];
}
