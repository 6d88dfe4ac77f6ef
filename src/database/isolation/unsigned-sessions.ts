import type pg from 'pg';

/** The `application_name` of connections whose stamps carry a proof. Former releases call themselves `tenantry`. */
export const SIGNING_APPLICATION = 'tenantry signed';

/** Sessions of a login role that do not say of themselves that they sign their stamps, on the whole server. */
export async function countUnsignedSessions(client: pg.ClientBase, role: string): Promise<number> {
  const { rows } = await client.query<{ sessions: number }>(
    `SELECT count(*)::int AS sessions FROM pg_stat_activity
     WHERE usename = $1 AND application_name <> $2`,
    [role, SIGNING_APPLICATION],
  );
  return rows[0]?.sessions ?? 0;
}
