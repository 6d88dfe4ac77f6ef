import type pg from 'pg';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';

/**
 * Allows one change of a target's role, database or schemas at a time, across all instances. The lock is held until the
 * admin connection is released.
 */
export async function lockTarget(client: pg.ClientBase, targetId: string): Promise<void> {
  await client.query('SELECT pg_advisory_lock(hashtext($1))', [LOCK_NAMES.target(targetId)]);
}

/** Ends what `lockTarget` began, for a connection that has more to do. */
export async function unlockTarget(client: pg.ClientBase, targetId: string): Promise<void> {
  await client.query('SELECT pg_advisory_unlock(hashtext($1))', [LOCK_NAMES.target(targetId)]);
}
