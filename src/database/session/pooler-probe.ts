import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { targetName } from '../pool/connection-pool.js';
import type { ConnectionTarget } from '../pool/connection-target.js';
import { TargetUnavailableError } from '../pool/pool.errors.js';
import { clientConfig, type PoolOptions } from '../pool/pool-options.js';
import { PoolerLeakError } from './session.errors.js';
import { createStamp } from './stamp.js';
import { sendStamped } from './stamped-query.js';

/** Clients and rounds until two of them met on one connection of the pooler. */
const ROUNDS = 20;

interface Seen {
  readonly pid: number;
  readonly stamp: string;
}

const LOOK = `SELECT pg_backend_pid() AS pid, coalesce(current_setting('app.tenant_id', true), '') AS stamp`;

/**
 * Sends stamps of two clients through one backend of a pooler. A stamp must be seen by its own statement, and by nothing
 * after it.
 *
 * @returns false when the two clients never met on one backend, so that nothing was proven
 * @throws PoolerLeakError, TargetUnavailableError
 */
export async function probePooler(target: ConnectionTarget, options: PoolOptions): Promise<boolean> {
  const clients = [new pg.Client(clientConfig(target, options)), new pg.Client(clientConfig(target, options))] as const;
  try {
    await Promise.all(clients.map((client) => open(client, target)));
    let met = false;
    for (let round = 0; round < ROUNDS && !met; round += 1) met = await meet(...clients);
    return met;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

async function open(client: pg.Client, target: ConnectionTarget): Promise<void> {
  client.on('error', () => undefined); // the statement that waits on it is told
  try {
    await client.connect();
  } catch (error) {
    throw new TargetUnavailableError(targetName(target), error);
  }
}

async function meet(first: pg.Client, second: pg.Client): Promise<boolean> {
  const mine = await look(first, randomUUID());
  const { rows } = await second.query<Seen>(LOOK);
  if (rows[0]?.stamp !== '') throw new PoolerLeakError('a stamp is still there for the next client');
  const yours = await look(second, randomUUID());
  return mine.pid === rows[0]?.pid && mine.pid === yours.pid;
}

async function look(client: pg.Client, tenantId: string): Promise<Seen> {
  const { rows } = await sendStamped(client, createStamp(tenantId, 'public'), { text: LOOK });
  const seen = rows[0] as Seen | undefined;
  if (seen?.stamp !== tenantId) throw new PoolerLeakError('a statement does not see its own stamp');
  return seen;
}
