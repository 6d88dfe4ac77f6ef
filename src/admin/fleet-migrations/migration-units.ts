import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { newestMigration } from '../../database/table-migrations/migration-names.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import { HAS_TABLES, needsMigrationSql, timestampIn } from './fleet-sql.js';

/** A set of tables that are migrated together: one schema of one connection target. */
export interface MigrationUnit {
  readonly targetId: string;
  readonly schema: string;
  readonly serverId: string;
  /** The first slug, in alphabetical order, of its tenants that are behind. */
  readonly slug: string;
  /** Number of its tenants that are behind. */
  readonly tenants: number;
}

export interface UnitsBehind {
  readonly units: readonly MigrationUnit[];
  /** Number of all matching units, of which `units` is the first page. */
  readonly count: number;
}

/** What an operation has finished so far. */
export interface FinishedCounts {
  /** Units. */
  readonly migrated: number;
  /** Units. */
  readonly failed: number;
  /** Tenants in the migrated units. */
  readonly tenants: number;
}

interface Selection {
  readonly operationId: string;
  /** Only units in which one of these tenants is behind. Default: all units. */
  readonly slugs?: readonly string[] | undefined;
  readonly limit: number;
}

/** Small units first, alternating between servers, so that each server has work in every wave. */
const BEHIND = `
  WITH behind AS (
    SELECT t.target_id, t.schema_name, min(t.slug) AS slug, count(*)::int AS tenants
    FROM tenants t
    LEFT JOIN operation_tenants r ON r.operation_id = $2 AND r.tenant_id = t.id AND r.status = 'failed'
    WHERE ${HAS_TABLES} AND ${needsMigrationSql('$1')}
    GROUP BY t.target_id, t.schema_name
    HAVING count(r.tenant_id) = 0 AND ($3::text[] IS NULL OR bool_or(t.slug = ANY ($3)))
  )
  SELECT b.target_id AS "targetId", b.schema_name AS schema, c.server_id AS "serverId", b.slug, b.tenants,
         (count(*) OVER ())::int AS count
  FROM behind b JOIN connection_targets c ON c.id = b.target_id
  ORDER BY row_number() OVER (PARTITION BY c.server_id ORDER BY b.tenants, b.slug), c.server_id
  LIMIT $4`;

const FINISHED = `
  SELECT (count(*) FILTER (WHERE NOT failed))::int AS migrated, (count(*) FILTER (WHERE failed))::int AS failed,
         coalesce(sum(tenants) FILTER (WHERE NOT failed), 0)::int AS tenants
  FROM (
    SELECT bool_or(r.status = 'failed') AS failed, count(*) AS tenants
    FROM operation_tenants r JOIN tenants t ON t.id = r.tenant_id
    WHERE r.operation_id = $1
    GROUP BY t.target_id, t.schema_name
  ) units`;

/** Finds the units that are behind this instance's code. No cursor is needed: a migrated unit is no longer behind. */
@Injectable()
export class MigrationUnits {
  /** Newest migration in this instance's code. */
  readonly newest: string;
  private readonly newestTimestamp: number;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) { migrations }: TenantSchema,
  ) {
    this.newest = newestMigration(migrations);
    this.newestTimestamp = timestampIn(this.newest);
  }

  /** Units that are behind, except those that already failed in this operation. */
  async behind({ operationId, slugs, limit }: Selection): Promise<UnitsBehind> {
    const rows = await this.catalog.query<(MigrationUnit & { count: number })[]>(BEHIND, [
      this.newestTimestamp,
      operationId,
      slugs ?? null,
      limit,
    ]);
    return { units: rows.map(({ count: _count, ...unit }) => unit), count: rows[0]?.count ?? 0 };
  }

  /** Returns false when its tenants have since been deleted, moved or migrated. */
  async isBehind({ targetId, schema }: MigrationUnit): Promise<boolean> {
    const rows = await this.catalog.query<unknown[]>(
      `SELECT FROM tenants t
       WHERE t.target_id = $1 AND t.schema_name = $2 AND ${HAS_TABLES} AND ${needsMigrationSql('$3')} LIMIT 1`,
      [targetId, schema, this.newestTimestamp],
    );
    return rows.length > 0;
  }

  async countFinished(operationId: string): Promise<FinishedCounts> {
    const [row] = await this.catalog.query<[FinishedCounts]>(FINISHED, [operationId]);
    return row;
  }

  /** Tenants that are being provisioned. If an instance with older code does that, they may end up behind. */
  async countProvisioning(): Promise<number> {
    const [{ n }] = await this.catalog.query<[{ n: number }]>(
      "SELECT count(*)::int AS n FROM tenants WHERE status = 'provisioning'",
    );
    return n;
  }
}
