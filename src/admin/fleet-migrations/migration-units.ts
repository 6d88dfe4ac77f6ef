import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { newestMigration, orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { type LateMigration, lateMigrations } from '../../database/table-migrations/versions/migration-set.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { HAS_TABLES, needsMigrationSql, SETS_BEHIND } from './fleet-sql.js';

/** A set of tables that are migrated together: one schema of one connection target. */
export interface MigrationUnit {
  readonly targetId: string;
  readonly schema: string;
  readonly serverId: string;
  /** The first slug, in alphabetical order, of its tenants that are due. */
  readonly slug: string;
  /** Number of its tenants that are due. */
  readonly tenants: number;
}

export interface DueUnits {
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
  /** Only units in which one of these tenants is due. Default: all units. */
  readonly slugs?: readonly string[] | undefined;
  /** Also those that the catalog takes for up to date, unless this operation has finished them. Default: false. */
  readonly verify?: boolean;
  readonly limit: number;
}

/** Small units first, alternating between servers, so that each server has work in every wave. */
const DUE = `
  WITH behind AS (
    SELECT t.target_id, t.schema_name, min(t.slug) AS slug, count(*)::int AS tenants
    FROM tenants t
    LEFT JOIN operation_tenants r ON r.operation_id = $2 AND r.tenant_id = t.id
    WHERE ${HAS_TABLES} AND (${needsMigrationSql('$1')} OR $5 AND r.tenant_id IS NULL)
    GROUP BY t.target_id, t.schema_name
    HAVING count(*) FILTER (WHERE r.status = 'failed') = 0 AND ($3::text[] IS NULL OR bool_or(t.slug = ANY ($3)))
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

export interface SharedTables {
  readonly slug: string;
  readonly server: string;
  /** All tenants in the tables. */
  readonly tenants: number;
}

const SHARED = `
  SELECT n.slug, s.name AS server, count(*)::int AS tenants
  FROM tenants n
  JOIN tenants t ON t.target_id = n.target_id AND t.schema_name = n.schema_name AND ${HAS_TABLES}
  JOIN connection_targets c ON c.id = n.target_id JOIN servers s ON s.id = c.server_id
  WHERE n.slug = ANY ($1) GROUP BY n.slug, s.name HAVING count(*) > 1 ORDER BY n.slug`;

/** Finds the units that an operation has to migrate. No cursor is needed: a unit that is done is no longer due. */
@Injectable()
export class MigrationUnits {
  /** Newest migration in this instance's code. */
  readonly newest: string;
  /** All migrations in it, in the order in which they run. */
  readonly names: readonly string[];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) { migrations }: TenantSchema,
  ) {
    this.newest = newestMigration(migrations);
    this.names = orderedNames(migrations);
  }

  /** Units that are due, except those that already failed in this operation. */
  async due({ operationId, slugs, verify = false, limit }: Selection): Promise<DueUnits> {
    const rows = await this.catalog.query<(MigrationUnit & { count: number })[]>(DUE, [
      this.names,
      operationId,
      slugs ?? null,
      limit,
      verify,
    ]);
    return { units: rows.map(({ count: _count, ...unit }) => unit), count: rows[0]?.count ?? 0 };
  }

  /**
   * Returns false when its tenants have since been deleted, moved or migrated.
   *
   * @param verify whether units that the catalog takes for up to date are due as well
   */
  async isDue({ targetId, schema }: MigrationUnit, verify: boolean): Promise<boolean> {
    const rows = await this.catalog.query<unknown[]>(
      `SELECT FROM tenants t
       WHERE t.target_id = $1 AND t.schema_name = $2 AND ${HAS_TABLES} AND ($4 OR ${needsMigrationSql('$3')}) LIMIT 1`,
      [targetId, schema, this.names, verify],
    );
    return rows.length > 0;
  }

  /** Those of the tenants that share their tables with others, which are migrated with them. */
  async sharedBy(slugs: readonly string[]): Promise<SharedTables[]> {
    return slugs.length === 0 ? [] : this.catalog.query<SharedTables[]>(SHARED, [slugs]);
  }

  /** What runs after a newer migration, by what the catalog knows of these tenants. Default: of all tenants. */
  async late(slugs?: readonly string[]): Promise<LateMigration[]> {
    const sets = await this.catalog.query<{ names: string[] }[]>(SETS_BEHIND, [this.names, slugs ?? null]);
    return sets.flatMap(({ names }) => lateMigrations(names, this.names));
  }

  /** The migrations that code must have to run the operation; none when a former release requested it. */
  async requiredBy(operationId: string): Promise<readonly string[]> {
    const [row] = await this.catalog.query<{ names: string[] }[]>(
      'SELECT s.names FROM operations o JOIN migration_sets s ON s.digest = o.required_set WHERE o.id = $1',
      [operationId],
    );
    return row?.names ?? [];
  }

  async countFinished(operationId: string): Promise<FinishedCounts> {
    const [row] = await this.catalog.query<[FinishedCounts]>(FINISHED, [operationId]);
    return row;
  }

  /** Tenants that are being provisioned. If an instance with older code does that, they may end up behind. */
  async countProvisioning(): Promise<number> {
    const [{ n }] = await this.catalog.query<[{ n: number }]>(
      "SELECT count(*)::int AS n FROM tenants WHERE status = 'provisioning' AND spare_server_id IS NULL",
    );
    return n;
  }
}
