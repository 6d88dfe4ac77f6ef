import type pg from 'pg';

/**
 * One change of a target's role, database or schemas at a time, over all instances. Held until the connection is given
 * back.
 */
export async function lockTarget(client: pg.ClientBase, targetId: string): Promise<void> {
  await client.query('SELECT pg_advisory_lock(hashtext($1))', [`tenantry target ${targetId}`]);
}
