import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { migrationSetValues, saveSetSql } from '../../catalog/tenant-tables/migration-set-sql.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';
import type { OperationFailure } from '../../catalog/entities/operation.entity.js';

/** Tenants of one schema, which are activated together. */
export interface ActivatedTenants {
  readonly tenantIds: readonly string[];
  readonly targetId: string;
  readonly schema: string;
  /** What provisioning has migrated; undefined when they share the tables of other tenants. */
  readonly tables: { readonly version: string; readonly recorded: readonly string[] | null } | undefined;
  /** Whether they are spare: then they are ready, and still not served. Default: false. */
  readonly isSpare?: boolean;
  /** Records an outcome for each tenant. Not for the operation of a single tenant, whose outcome is its own. */
  readonly outcome?: { readonly operationId: string; readonly durationMs: number };
}

interface FailedOutcome {
  readonly operationId: string;
  readonly durationMs: number;
  readonly failure: OperationFailure;
}

const RECORD = 'INSERT INTO operation_tenants (operation_id, tenant_id, slug, status, error, to_version, duration_ms)';

/** Takes the versions of another tenant in the same tables, the oldest ones if they differ, or those given if there is none. */
const ACTIVATE = `
  WITH saved AS (${saveSetSql('$6', '$7')}), others AS (
    SELECT schema_version, migration_set, min(policy_version) OVER () AS policy_version
    FROM tenants WHERE target_id = $2 AND schema_name = $3 AND schema_version IS NOT NULL
    ORDER BY substring(schema_version from '[0-9]{13}$'), migration_set NULLS FIRST LIMIT 1
  ), versions AS (
    SELECT * FROM others UNION ALL SELECT $4, $6, $5 WHERE NOT EXISTS (SELECT FROM others)
  ), activated AS (
    UPDATE tenants t SET status = $10, target_id = $2, schema_name = $3, schema_version = v.schema_version,
      migration_set = v.migration_set, policy_version = v.policy_version
    FROM versions v WHERE t.id = ANY ($1) AND t.status = 'provisioning'
    RETURNING t.id, t.slug, t.schema_version
  )
  ${RECORD}
  SELECT $8::uuid, id, slug, 'succeeded', NULL, schema_version, $9 FROM activated WHERE $8 IS NOT NULL`;

const FAIL = `
  WITH failed AS (
    UPDATE tenants SET status = 'failed' WHERE id = ANY ($2) AND status = 'provisioning' RETURNING id, slug
  )
  ${RECORD} SELECT $1, id, slug, 'failed', $3::jsonb, NULL, $4 FROM failed`;

/**
 * Ends the provisioning of tenants. One statement each, so that a tenant is active or failed exactly if its outcome is
 * recorded, for one as for thousands.
 */
@Injectable()
export class Activation {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Activates those that are still being provisioned. */
  async activate({ tenantIds, targetId, schema, tables, outcome, isSpare = false }: ActivatedTenants): Promise<void> {
    await this.catalog.query(ACTIVATE, [
      ...[tenantIds, targetId, schema, tables?.version ?? null, POLICY_VERSION],
      ...migrationSetValues(tables?.recorded ?? null),
      ...[outcome?.operationId ?? null, outcome?.durationMs ?? 0, isSpare ? 'provisioning' : 'active'],
    ]);
  }

  /** Records the failure of those that are still being provisioned. */
  async fail(
    tenantIds: readonly string[],
    { operationId, durationMs, failure }: FailedOutcome,
    catalog: EntityManager = this.catalog.manager,
  ): Promise<void> {
    await catalog.query(FAIL, [operationId, tenantIds, JSON.stringify(failure), durationMs]);
  }
}
