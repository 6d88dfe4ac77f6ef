/** Runs a statement on the catalog, and returns its rows. */
type Query = <Row>(sql: string, parameters: unknown[]) => Promise<Row[]>;

/** The last one of each active tenant that has ended by itself: what was cancelled says nothing about the backup. */
const LAST = `
  SELECT DISTINCT ON (o.tenant_id) t.slug, o.status, o.error ->> 'code' AS code, o.finished_at AS "finishedAt"
  FROM operations o JOIN tenants t ON t.id = o.tenant_id AND t.status = 'active'
  WHERE o.kind = 'drill' AND o.status IN ('succeeded', 'failed')
  ORDER BY o.tenant_id, o.created_at DESC, o.id DESC`;

/** Active tenants whose backups were tried out. */
export interface DrilledTenants {
  readonly tenants: number;
  /** Those whose last trial has failed. */
  readonly failed: number;
}

/** A tenant whose last trial has failed. */
export interface FailedDrill {
  readonly slug: string;
  /** Code of the operation's error. */
  readonly code: string | null;
  readonly finishedAt: Date;
}

export async function drilledTenants(query: Query): Promise<DrilledTenants> {
  const [row] = await query<DrilledTenants>(
    `SELECT count(*)::int AS tenants, (count(*) FILTER (WHERE status = 'failed'))::int AS failed FROM (${LAST}) drills`,
    [],
  );
  return row ?? { tenants: 0, failed: 0 };
}

/** @returns those that have failed first, first; `limit` at most */
export function failedDrills(query: Query, limit: number): Promise<FailedDrill[]> {
  return query(
    `SELECT slug, code, "finishedAt" FROM (${LAST}) drills WHERE status = 'failed'
     ORDER BY "finishedAt", slug LIMIT $1`,
    [limit],
  );
}
