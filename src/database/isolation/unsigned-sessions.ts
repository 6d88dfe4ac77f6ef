import type pg from 'pg';
import { isNamedFor } from '../../platform/postgres/application-name.js';

/** Sessions of a login role that do not say of themselves that they sign their stamps, on the whole server. */
export async function countUnsignedSessions(client: pg.ClientBase, role: string): Promise<number> {
  const { rows } = await client.query<{ sessions: number }>(
    `SELECT count(*)::int AS sessions FROM pg_stat_activity
     WHERE usename = $1 AND NOT ${isNamedFor('signed')}`,
    [role],
  );
  return rows[0]?.sessions ?? 0;
}
