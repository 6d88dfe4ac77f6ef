import type pg from 'pg';

/**
 * Allows one change of a target's role, database or schemas at a time, across all instances. The lock is held until the
 * admin connection is released.
 */
export async function lockTarget(client: pg.ClientBase, targetId: string): Promise<void> {
  await client.query('SELECT pg_advisory_lock(hashtext($1))', [`tenantry target ${targetId}`]);
}
