import type pg from 'pg';
import { joinRole } from '../provisioning/login-role.js';

/** Number of sessions that a role has on the server, in all databases. Any role may query this. */
export async function countSessions(client: pg.ClientBase, role: string): Promise<number> {
  const { rows } = await client.query<{ sessions: number }>(
    'SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE usename = $1',
    [role],
  );
  return rows[0]?.sessions ?? 0;
}

/**
 * Terminates all sessions of a login role, including busy ones. They end shortly after the call.
 *
 * @param client connected as the owner that created the role, not in a transaction
 * @returns the number of sessions that were signalled
 */
export async function terminateSessions(client: pg.ClientBase, role: string): Promise<number> {
  await client.query('BEGIN');
  try {
    if ((await countSessions(client, role)) === 0) return 0;
    await joinRole(client, role);
    const { rows } = await client.query<{ signalled: number }>(
      'SELECT count(pg_terminate_backend(pid))::int AS signalled FROM pg_stat_activity WHERE usename = $1',
      [role],
    );
    return rows[0]?.signalled ?? 0;
  } finally {
    await client.query('ROLLBACK'); // the signals are sent; only they needed the membership
  }
}

/**
 * Number of transactions that a role began before `since` in the connected database.
 *
 * @param client connected as the owner that created the role, not in a transaction
 * @param since a timestamp of the server
 */
export async function countOlderTransactions(client: pg.ClientBase, role: string, since: string): Promise<number> {
  await client.query('BEGIN');
  try {
    await joinRole(client, role); // only members see when a transaction began
    const { rows } = await client.query<{ transactions: number }>(
      `SELECT count(*)::int AS transactions FROM pg_stat_activity
       WHERE datname = current_database() AND usename = $1 AND xact_start < $2::timestamptz`,
      [role, since],
    );
    return rows[0]?.transactions ?? 0;
  } finally {
    await client.query('ROLLBACK');
  }
}
