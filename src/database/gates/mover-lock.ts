import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { withCleanup } from '../admin-connections/with-cleanup.js';

/** How long an ended session may take to release its locks. */
const RETRY_MS = 50;

/** `$1` tenant's id, `$2` schema. */
const [KIND, PLACE] = [`hashtext('${LOCK_NAMES.mover}')`, `hashtext($1::text || ' ' || $2::text)`];
const TRY_LOCK = `SELECT pg_try_advisory_lock(${KIND}, ${PLACE}) AS locked`;
const UNLOCK = `SELECT pg_advisory_unlock(${KIND}, ${PLACE})`;

const asOid = (key: string): string => `(${key}::bigint & 4294967295)::oid`;
const TERMINATE_HOLDER = `
  SELECT pg_terminate_backend(pid) FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = ${asOid(KIND)} AND objid = ${asOid(PLACE)}`;

/**
 * Runs `work` as the only session that moves this tenant here. There is one operation on a tenant at a time, and one worker of it: a
 * session that holds the lock is that of a former worker, whose process is frozen or cut off from the catalog. It is ended, with
 * its transaction and its other locks, because it would keep the tenant's writes waiting, and could go on when it wakes up.
 *
 * @param client connected as the owner of the tenant tables, not in a transaction; the lock is its session's
 * @throws the signal's reason while waiting
 */
export async function asOnlyMover<T>(
  client: pg.ClientBase,
  { tenantId, schema }: { readonly tenantId: string; readonly schema: string },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const place = [tenantId, schema];
  while (!(await tryLock(client, place))) {
    await client.query(TERMINATE_HOLDER, place);
    await delay(RETRY_MS, undefined, { signal });
  }
  return withCleanup(work, async () => void (await client.query(UNLOCK, place)));
}

async function tryLock(client: pg.ClientBase, place: string[]): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(TRY_LOCK, place);
  return rows[0]?.locked === true;
}
