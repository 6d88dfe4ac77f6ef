import type pg from 'pg';
import { joinRole } from '../provisioning/login-role.js';

/** How many sessions a role has on the server, in any database. Everybody may ask. */
export async function sessionsOf(client: pg.ClientBase, role: string): Promise<number> {
  const { rows } = await client.query<{ sessions: number }>(
    'SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE usename = $1',
    [role],
  );
  return rows[0]?.sessions ?? 0;
}

/**
 * Tells every session of a login role of ours to end, whatever it does; they are gone a moment later.
 *
 * @param client as the owner who made the role, not in a transaction
 * @returns how many were told
 */
export async function endSessionsOf(client: pg.ClientBase, role: string): Promise<number> {
  await client.query('BEGIN');
  try {
    if ((await sessionsOf(client, role)) === 0) return 0;
    await joinRole(client, role);
    const { rows } = await client.query<{ told: number }>(
      'SELECT count(pg_terminate_backend(pid))::int AS told FROM pg_stat_activity WHERE usename = $1',
      [role],
    );
    return rows[0]?.told ?? 0;
  } finally {
    await client.query('ROLLBACK'); // signals are sent by now; the membership was for them only
  }
}
