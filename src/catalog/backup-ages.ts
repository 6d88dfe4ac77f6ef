/** Runs a statement on the catalog, and returns its rows. */
type Query = <Row>(sql: string, parameters: unknown[]) => Promise<Row[]>;

/** A limit as it counts: own, else the plan's; written by hand, it may be anything. */
const hoursOf = (limits: string): string =>
  `CASE WHEN jsonb_typeof(${limits} -> 'backupEveryHours') = 'number' THEN (${limits} ->> 'backupEveryHours')::float8 END`;

/**
 * `$1`: the last time of the schedule, `$2`: the one before. A tenant that is backed up more rarely has missed two of its own
 * times that much later.
 */
const NEWEST = `
  SELECT t.slug, t.created_at, max(b.taken_at) AS newest,
         $2::timestamptz - 2 * greatest(make_interval(hours => coalesce(${hoursOf('t.limits')}, ${hoursOf('p.limits')}, 0)::int)
                                        - ($1::timestamptz - $2::timestamptz), interval '0') AS since
  FROM tenants t LEFT JOIN tenant_plans p ON p.name = t.plan
  LEFT JOIN backups b ON b.tenant_id = t.id AND b.state = 'kept'
  WHERE t.status = 'active' AND t.spare_server_id IS NULL GROUP BY t.id, p.name`;

/** Times of `BACKUP_EVERY`. */
export interface BackupTimesPassed {
  readonly latest: Date;
  readonly secondLatest: Date;
}

/** What a tenant would lose: what was written since its newest verified backup, or since it was created. */
export interface BackupAges {
  /** Of the tenant that would lose most, in seconds; 0 without tenants. */
  readonly oldestSeconds: number;
  /** Tenants without a verified backup of the last two times at which they had to be backed up. */
  readonly overdue: number;
}

export async function backupAges(query: Query, { latest, secondLatest }: BackupTimesPassed): Promise<BackupAges> {
  const [row] = await query<BackupAges>(
    `SELECT coalesce(extract(epoch FROM now() - min(coalesce(newest, created_at))), 0)::float8 AS "oldestSeconds",
            count(*) FILTER (WHERE coalesce(newest, created_at) < since)::int AS overdue
     FROM (${NEWEST}) tenants`,
    [latest, secondLatest],
  );
  return row ?? { oldestSeconds: 0, overdue: 0 };
}

/** @returns slugs of overdue tenants, those that would lose most first, with the time of what they have; `limit` at most */
export function overdueTenants(
  query: Query,
  { latest, secondLatest }: BackupTimesPassed,
  limit: number,
): Promise<{ readonly slug: string; readonly newest: Date | null }[]> {
  return query(
    `SELECT slug, newest FROM (${NEWEST}) tenants WHERE coalesce(newest, created_at) < since
     ORDER BY coalesce(newest, created_at), slug LIMIT $3`,
    [latest, secondLatest, limit],
  );
}
