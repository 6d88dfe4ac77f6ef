import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { newestMigration } from '../../database/table-migrations/migration-names.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import { HAS_TABLES, isBehindSql, timestampIn } from './fleet-sql.js';

/** Tables that are migrated together: one schema of one target. */
export interface FleetUnit {
  readonly targetId: string;
  readonly schema: string;
  readonly serverId: string;
  /** Of its tenants that are behind, the first by name. */
  readonly slug: string;
  /** How many of its tenants are behind. */
  readonly tenants: number;
}

export interface UnitsBehind {
  readonly units: readonly FleetUnit[];
  /** All that match, of which `units` are the first. */
  readonly count: number;
}

/** What an operation has done so far. */
export interface Settled {
  readonly migrated: number;
  readonly failed: number;
  /** In the migrated units. */
  readonly tenants: number;
}

interface Selection {
  readonly operationId: string;
  /** Only units with one of these among their tenants that are behind. */
  readonly slugs?: readonly string[] | undefined;
  readonly limit: number;
}

/** Small ones first, and the servers take turns, so that each has work in every wave. */
const BEHIND = `
  WITH behind AS (
    SELECT t.target_id, t.schema_name, min(t.slug) AS slug, count(*)::int AS tenants
    FROM tenants t
    LEFT JOIN operation_tenants r ON r.operation_id = $2 AND r.tenant_id = t.id AND r.status = 'failed'
    WHERE ${HAS_TABLES} AND ${isBehindSql('$1')}
    GROUP BY t.target_id, t.schema_name
    HAVING count(r.tenant_id) = 0 AND ($3::text[] IS NULL OR bool_or(t.slug = ANY ($3)))
  )
  SELECT b.target_id AS "targetId", b.schema_name AS schema, c.server_id AS "serverId", b.slug, b.tenants,
         (count(*) OVER ())::int AS count
  FROM behind b JOIN connection_targets c ON c.id = b.target_id
  ORDER BY row_number() OVER (PARTITION BY c.server_id ORDER BY b.tenants, b.slug), c.server_id
  LIMIT $4`;

const SETTLED = `
  SELECT (count(*) FILTER (WHERE NOT failed))::int AS migrated, (count(*) FILTER (WHERE failed))::int AS failed,
         coalesce(sum(tenants) FILTER (WHERE NOT failed), 0)::int AS tenants
  FROM (
    SELECT bool_or(r.status = 'failed') AS failed, count(*) AS tenants
    FROM operation_tenants r JOIN tenants t ON t.id = r.tenant_id
    WHERE r.operation_id = $1
    GROUP BY t.target_id, t.schema_name
  ) units`;

/** Which units are behind the code of this instance. The catalog is the cursor: what is done is behind no more. */
@Injectable()
export class FleetUnits {
  /** Newest migration of this instance's code. */
  readonly newest: string;
  private readonly needed: number;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) { migrations }: TenantSchema,
  ) {
    this.newest = newestMigration(migrations);
    this.needed = timestampIn(this.newest);
  }

  /** Those that the operation has not tried in vain. */
  async behind({ operationId, slugs, limit }: Selection): Promise<UnitsBehind> {
    const rows = await this.catalog.query<(FleetUnit & { count: number })[]>(BEHIND, [
      ...[this.needed, operationId, slugs ?? null, limit],
    ]);
    return { units: rows.map(({ count: _count, ...unit }) => unit), count: rows[0]?.count ?? 0 };
  }

  /** False when its tenants were removed, moved or migrated meanwhile. */
  async isBehind({ targetId, schema }: FleetUnit): Promise<boolean> {
    const rows = await this.catalog.query<unknown[]>(
      `SELECT FROM tenants t
       WHERE t.target_id = $1 AND t.schema_name = $2 AND ${HAS_TABLES} AND ${isBehindSql('$3')} LIMIT 1`,
      [targetId, schema, this.needed],
    );
    return rows.length > 0;
  }

  async settled(operationId: string): Promise<Settled> {
    const [row] = await this.catalog.query<[Settled]>(SETTLED, [operationId]);
    return row;
  }

  /** Tenants that are being made: by an instance with older code, they may end behind after all. */
  async beingProvisioned(): Promise<number> {
    const [{ n }] = await this.catalog.query<[{ n: number }]>(
      "SELECT count(*)::int AS n FROM tenants WHERE status = 'provisioning'",
    );
    return n;
  }
}
