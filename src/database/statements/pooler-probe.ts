import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { targetName } from '../connection/connection-target.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import { clientConfig, type PoolOptions } from '../pool/pool-options.js';
import { createStamp, localStampCommands, type Stamp } from './stamp.js';
import { sendAlone } from './stamped-query.js';
import { CodedError } from '../../platform/errors/coded-error.js';

/** Rounds until the two clients met on one connection of the pooler. */
const ROUNDS = 20;

interface Seen {
  readonly pid: number;
  readonly stamp: string;
}

const LOOK = `SELECT pg_backend_pid() AS pid, coalesce(current_setting('app.tenant_id', true), '') AS stamp`;

/**
 * Sends stamps of two clients through one backend of a pooler, with statements and with transactions. A stamp must be
 * seen by what it was sent with, and by nothing beside or after it.
 *
 * @returns false when the two clients never met on one backend, so that nothing was proven
 * @throws PoolerLeakError, TargetUnavailableError
 */
export async function probePooler(target: ConnectionTarget, options: PoolOptions): Promise<boolean> {
  const clients = [new pg.Client(clientConfig(target, options)), new pg.Client(clientConfig(target, options))] as const;
  const newStamp = (): Stamp => createStamp(randomUUID(), 'public', options.statementTimeoutMs);
  try {
    await Promise.all(clients.map((client) => open(client, target)));
    let met = false;
    for (let round = 0; round < ROUNDS && !met; round += 1) {
      met = await meet(...clients, newStamp);
      await keepApart(...clients, newStamp());
    }
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

/** One after the other; whether it was on one backend. */
async function meet(first: pg.Client, second: pg.Client, newStamp: () => Stamp): Promise<boolean> {
  const mine = await lookStamped(first, newStamp());
  const between = await lookUnstamped(second);
  const yours = await lookStamped(second, newStamp());
  return mine.pid === between.pid && mine.pid === yours.pid;
}

/** A transaction of the first client, and a statement of the second that is served beside it or has to wait for it. */
async function keepApart(first: pg.Client, second: pg.Client, stamp: Stamp): Promise<void> {
  try {
    await first.query(`BEGIN; ${localStampCommands(stamp)}`);
    await Promise.all([lookUnstamped(second), lookAndCommit(first, stamp)]);
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw new PoolerLeakError(`it breaks up a transaction (${error.message})`);
    throw error;
  }
}

async function lookAndCommit(client: pg.Client, stamp: Stamp): Promise<void> {
  const { rows } = await client.query<Seen>(LOOK);
  assertOwn(rows[0], stamp);
  await client.query('COMMIT');
}

async function lookStamped(client: pg.Client, stamp: Stamp): Promise<Seen> {
  const { rows } = await sendAlone(client, stamp, { text: LOOK });
  return assertOwn(rows[0] as Seen | undefined, stamp);
}

async function lookUnstamped(client: pg.Client): Promise<Seen> {
  const { rows } = await client.query<Seen>(LOOK);
  if (rows[0]?.stamp !== '') throw new PoolerLeakError("one client's stamp is there for another client");
  return rows[0];
}

function assertOwn(seen: Seen | undefined, { tenantId }: Stamp): Seen {
  if (seen?.stamp !== tenantId) throw new PoolerLeakError('a statement does not see its own stamp');
  return seen;
}
/** Raised at start when the pooler in front of the database does not keep the stamps of its clients apart. */
export class PoolerLeakError extends CodedError {
  readonly code = 'POOLER_LEAKS';

  constructor(readonly reason: string) {
    super(
      `the pooler at DATABASE_URL does not keep tenants apart: ${reason}; put it in transaction mode, or go without`,
    );
  }
}
