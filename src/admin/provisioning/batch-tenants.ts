import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Isolation } from '../../catalog/model/tenant.js';

/** A tenant that an operation has still to provision. */
export interface NewTenantRow {
  readonly id: string;
  readonly isolation: Isolation;
}

export interface BatchCounts {
  readonly provisioned: number;
  readonly failed: number;
}

const REMAINING = `
  SELECT id, isolation FROM tenants
  WHERE id = ANY ($1) AND isolation = ANY ($2) AND status = 'provisioning' ORDER BY slug`;

const LOCATE = `
  UPDATE tenants t SET target_id = $1, schema_name = l.schema
  FROM unnest($2::uuid[], $3::text[]) AS l (id, schema)
  WHERE t.id = l.id AND t.status = 'provisioning' AND (t.target_id IS NULL OR t.schema_name IS NULL)`;

const COUNT = `
  SELECT count(*) FILTER (WHERE status = 'succeeded')::int AS provisioned,
         count(*) FILTER (WHERE status = 'failed')::int AS failed
  FROM operation_tenants WHERE operation_id = $1`;

/** A tenant that failed since for another reason has been provisioned: what failed then was its deletion. */
const FORGET_FAILURES = `
  WITH forgotten AS (
    DELETE FROM operation_tenants WHERE operation_id = $1 AND status = 'failed' RETURNING tenant_id
  )
  UPDATE tenants SET status = 'provisioning'
  WHERE id = ANY ($2) AND id IN (SELECT tenant_id FROM forgotten) AND status = 'failed'`;

/** The tenants of an operation that provisions many, in the catalog: from there each run learns what is left to do. */
@Injectable()
export class BatchTenants {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  remaining(tenantIds: readonly string[], isolations: readonly Isolation[]): Promise<NewTenantRow[]> {
    return this.catalog.query<NewTenantRow[]>(REMAINING, [tenantIds, isolations]);
  }

  /** Records where tenants will be, before anything is created there. */
  async locate(targetId: string, schemas: ReadonlyMap<string, string>): Promise<void> {
    await this.catalog.query(LOCATE, [targetId, [...schemas.keys()], [...schemas.values()]]);
  }

  async count(operationId: string): Promise<BatchCounts> {
    const [counts] = await this.catalog.query<[BatchCounts]>(COUNT, [operationId]);
    return counts;
  }

  /** Lets a retry of the operation provision the tenants that failed. */
  async forgetFailures(catalog: EntityManager, operationId: string, tenantIds: readonly string[]): Promise<void> {
    await catalog.query(FORGET_FAILURES, [operationId, tenantIds]);
  }
}
