/** Runs a statement on the catalog, and returns its rows. */
type Query = <Row>(sql: string, parameters: unknown[]) => Promise<Row[]>;

const NEWEST = `
  SELECT t.slug, t.created_at, max(b.taken_at) AS newest
  FROM tenants t LEFT JOIN backups b ON b.tenant_id = t.id AND b.state = 'kept'
  WHERE t.status = 'active' AND t.spare_server_id IS NULL GROUP BY t.id`;

/** What a tenant would lose: what was written since its newest verified backup, or since it was created. */
export interface BackupAges {
  /** Of the tenant that would lose most, in seconds; 0 without tenants. */
  readonly oldestSeconds: number;
  /** Tenants that have existed since a given time, and have no verified backup taken since then. */
  readonly overdue: number;
}

/** @param since a tenant is overdue when its newest verified backup was taken earlier */
export async function backupAges(query: Query, since: Date): Promise<BackupAges> {
  const [row] = await query<BackupAges>(
    `SELECT coalesce(extract(epoch FROM now() - min(coalesce(newest, created_at))), 0)::float8 AS "oldestSeconds",
            count(*) FILTER (WHERE coalesce(newest, created_at) < $1)::int AS overdue
     FROM (${NEWEST}) tenants`,
    [since],
  );
  return row ?? { oldestSeconds: 0, overdue: 0 };
}

/** @returns slugs of overdue tenants, those that would lose most first, with the time of what they have; `limit` at most */
export function overdueTenants(
  query: Query,
  since: Date,
  limit: number,
): Promise<{ readonly slug: string; readonly newest: Date | null }[]> {
  return query(
    `SELECT slug, newest FROM (${NEWEST}) tenants WHERE coalesce(newest, created_at) < $1
     ORDER BY coalesce(newest, created_at), slug LIMIT $2`,
    [since, limit],
  );
}
