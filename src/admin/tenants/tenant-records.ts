import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, IsNull, Not } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { TenantSelection } from '../../catalog/model/operator.js';
import { inReach, reachParameters } from '../../tenant/operators/tenant-reach.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { parseSlugOrId } from '../../http/input/slug-or-id.js';
import type { TenantCountsView, TenantFilter, TenantPage, TenantView } from './tenant.schemas.js';

/** A tenant's row, with the names of its server and database. */
type Row = Omit<TenantView, 'createdAt' | 'updatedAt'> & { readonly createdAt: Date; readonly updatedAt: Date };

const VIEW = `
  SELECT t.id, t.slug, t.status, t.isolation, s.name AS server, c.database, t.schema_name AS schema,
         t.schema_version AS "schemaVersion", t.plan, t.limits, t.groups, t.placement_labels AS placement, t.message, t.version,
         ARRAY(SELECT domain FROM tenant_domains d WHERE d.tenant_id = t.id ORDER BY domain) AS domains,
         t.created_at AS "createdAt", t.updated_at AS "updatedAt"
  FROM tenants t LEFT JOIN connection_targets c ON c.id = t.target_id LEFT JOIN servers s ON s.id = c.server_id`;

type Grouping = 'status' | 'isolation' | 'server' | 'plan';
type GroupedCount = { readonly [key in Grouping]: string | null } & {
  readonly by: Grouping | 'all';
  readonly count: number;
};

const COUNTS = `
  SELECT CASE GROUPING (t.status, t.isolation, s.name, t.plan)
           WHEN 7 THEN 'status' WHEN 11 THEN 'isolation' WHEN 13 THEN 'server' WHEN 14 THEN 'plan' ELSE 'all' END AS by,
         t.status, t.isolation, s.name AS server, t.plan, count(*)::int AS count
  FROM tenants t LEFT JOIN connection_targets c ON c.id = t.target_id LEFT JOIN servers s ON s.id = c.server_id
  WHERE t.spare_server_id IS NULL AND ${inReach('t', 1)}
  GROUP BY GROUPING SETS ((), (t.status), (t.isolation), (s.name), (t.plan)) ORDER BY 2, 3, 4, 5`;

/** Reads tenants from the catalog, in the shape that the API returns. */
@Injectable()
export class TenantRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** @throws NotFoundError */
  async read(slugOrId: string, catalog: EntityManager = this.catalog.manager): Promise<TenantView> {
    const named = parseSlugOrId(slugOrId);
    const [row] =
      'id' in named
        ? await catalog.query<Row[]>(`${VIEW} WHERE t.id = $1`, [named.id])
        : await catalog.query<Row[]>(`${VIEW} WHERE t.slug = $1`, [named.slug]);
    if (!row) throw new NotFoundError('tenant', slugOrId);
    return toView(row);
  }

  /** Ordered by slug, without spare tenants. @param limitedTo the tenants that the caller may see; undefined: all */
  async list(filter: TenantFilter, limitedTo?: TenantSelection): Promise<TenantPage> {
    const { status, isolation, server, group, plan, search, limit, cursor } = filter;
    const rows = await this.catalog.query<Row[]>(
      `${VIEW}
       WHERE ($1::text IS NULL OR t.status = $1) AND ($2::text IS NULL OR t.isolation = $2)
         AND ($3::text IS NULL OR s.name = $3) AND ($4::text IS NULL OR strpos(t.slug, $4) > 0)
         AND ($5::text IS NULL OR t.slug > $5) AND ($10::text IS NULL OR t.plan = $10)
         AND t.spare_server_id IS NULL
         AND ($7::text IS NULL OR $7 = ANY (t.groups)) AND ${inReach('t', 8)}
       ORDER BY t.slug LIMIT $6`,
      [status, isolation, server, search, cursor, limit + 1, group, ...reachParameters(limitedTo), plan],
    );
    const items = rows.slice(0, limit).map(toView);
    return { items, nextCursor: rows.length > limit ? (items.at(-1)?.slug ?? null) : null };
  }

  /** Without spare tenants. @param limitedTo the tenants that the caller may see; undefined: all */
  async count(limitedTo?: TenantSelection): Promise<TenantCountsView> {
    const rows = await this.catalog.query<GroupedCount[]>(COUNTS, [...reachParameters(limitedTo)]);
    const by = (grouping: Grouping): Record<string, number> =>
      Object.fromEntries(
        rows.flatMap((row) => {
          const name = row.by === grouping ? row[grouping] : null;
          return name === null ? [] : [[name, row.count] as const];
        }),
      );
    return {
      total: rows.find((row) => row.by === 'all')?.count ?? 0,
      byStatus: by('status'),
      byIsolation: by('isolation'),
      byServer: by('server'),
      byPlan: by('plan'),
    };
  }

  /** Whether a deletion has begun to remove its data, and has perhaps failed since. */
  async isBeingErased(id: string, catalog: EntityManager = this.catalog.manager): Promise<boolean> {
    return catalog.existsBy(OperationEntity, { tenantId: id, kind: 'delete', startedAt: Not(IsNull()) });
  }

  /** Locks the tenant's row for the rest of the transaction. @throws NotFoundError */
  async lock(catalog: EntityManager, slugOrId: string): Promise<TenantEntity> {
    const lock = { mode: 'pessimistic_write' } as const;
    const tenant = await catalog.findOne(TenantEntity, { where: parseSlugOrId(slugOrId), lock });
    if (!tenant) throw new NotFoundError('tenant', slugOrId);
    return tenant;
  }
}

/**
 * A tenant that is provisioned together with others has no operation of its own that would refuse another one.
 *
 * @throws ConflictError
 */
export function assertProvisioned({ status, spareServerId }: Pick<TenantEntity, 'status' | 'spareServerId'>): void {
  if (status === 'provisioning' && spareServerId === null)
    throw new ConflictError('the tenant is still being provisioned');
}

function toView(row: Row): TenantView {
  return { ...row, createdAt: row.createdAt.toISOString(), updatedAt: row.updatedAt.toISOString() };
}
