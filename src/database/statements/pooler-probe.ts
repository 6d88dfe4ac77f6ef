import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { targetName, type ConnectionTarget } from '../connection/connection-target.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import type { PoolOptions } from '../pool/pool-options.js';
import { ReadWriteClient } from '../connection/read-write-client.js';
import { clientConfig } from '../connection/client-config.js';
import { createStamp, type Stamp } from './stamps/stamp.js';
import { sendOnClient } from './client-flights.js';
import { CodedError } from '../../platform/errors/coded-error.js';

/** Rounds to try until both clients have been served by the same backend. */
const ROUNDS = 20;

interface Session {
  readonly pid: number;
  readonly stamp: string;
}

const READ_SESSION = `SELECT pg_backend_pid() AS pid, coalesce(current_setting('app.tenant_id', true), '') AS stamp`;

/**
 * Sends the stamps of two clients through one backend of a pooler, with statements and with transactions. A stamp must be
 * visible to the statement or transaction that it was sent with, and to nothing concurrent or later.
 *
 * @returns false when the two clients never shared a backend, so that nothing was proven
 * @throws PoolerLeakError, TargetUnavailableError
 */
export async function probePooler(target: ConnectionTarget, options: PoolOptions): Promise<boolean> {
  const newClient = (): pg.Client => new ReadWriteClient(clientConfig(target, options));
  const clients = [newClient(), newClient()] as const;
  const newStamp = (): Stamp => createStamp(randomUUID(), 'public', { statementTimeoutMs: options.statementTimeoutMs });
  try {
    await Promise.all(clients.map((client) => connect(client, target)));
    let sharedBackend = false;
    for (let round = 0; round < ROUNDS && !sharedBackend; round += 1) {
      sharedBackend = await alternateStatements(...clients, newStamp);
      await interleaveTransaction(...clients, newStamp());
    }
    return sharedBackend;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

async function connect(client: pg.Client, target: ConnectionTarget): Promise<void> {
  client.on('error', () => undefined); // the pending query rejects with the same error
  try {
    await client.connect();
  } catch (error) {
    throw new TargetUnavailableError(targetName(target), error);
  }
}

/** Statements of both clients, one after the other. @returns whether the same backend served all of them */
async function alternateStatements(first: pg.Client, second: pg.Client, newStamp: () => Stamp): Promise<boolean> {
  const ofFirst = await readStamped(first, newStamp());
  const unstamped = await readUnstamped(second);
  const ofSecond = await readStamped(second, newStamp());
  return ofFirst.pid === unstamped.pid && ofFirst.pid === ofSecond.pid;
}

/** A transaction of the first client, and a concurrent statement of the second, which may have to wait for it. */
async function interleaveTransaction(first: pg.Client, second: pg.Client, stamp: Stamp): Promise<void> {
  try {
    assertOwnStamp(
      (await sendOnClient(first, { begin: 'BEGIN', stamp }, { text: READ_SESSION })).rows[0] as Session,
      stamp,
    );
    await Promise.all([readUnstamped(second), readAndCommit(first, stamp)]);
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw new PoolerLeakError(`it breaks up transactions (${error.message})`);
    throw error;
  }
}

async function readAndCommit(client: pg.Client, stamp: Stamp): Promise<void> {
  const { rows } = await client.query<Session>(READ_SESSION);
  assertOwnStamp(rows[0], stamp);
  await client.query('COMMIT');
}

async function readStamped(client: pg.Client, stamp: Stamp): Promise<Session> {
  const { rows } = await sendOnClient(client, { stamp }, { text: READ_SESSION });
  return assertOwnStamp(rows[0] as Session | undefined, stamp);
}

async function readUnstamped(client: pg.Client): Promise<Session> {
  const { rows } = await client.query<Session>(READ_SESSION);
  if (rows[0]?.stamp !== '') throw new PoolerLeakError("one client's stamp is visible to another client");
  return rows[0];
}

function assertOwnStamp(seen: Session | undefined, { tenantId }: Stamp): Session {
  if (seen?.stamp !== tenantId) throw new PoolerLeakError('a statement does not see its own stamp');
  return seen;
}

/** Raised at startup when the pooler in front of the database does not keep its clients' stamps apart. */
export class PoolerLeakError extends CodedError {
  readonly code = 'POOLER_LEAKS';

  constructor(readonly reason: string) {
    super(
      `the pooler at DATABASE_URL does not keep tenants apart: ${reason}; configure it for transaction pooling, or connect without it`,
    );
  }
}
