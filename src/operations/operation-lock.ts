import pg from 'pg';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { clientConfig, type PoolOptions } from '../database/pool/pool-options.js';

/** First half of the key of every operation's advisory lock. The number is arbitrary and ours. */
const LOCK_CLASS = 7_242_002;
/** Longer than this nobody waits for an answer about an operation: its lock counts as lost. */
const ANSWER_TIMEOUT_MS = 10_000;

/** What an instance can work on: kinds that its code knows, and the timestamp of its newest migration. */
export interface Ability {
  readonly kinds: readonly string[];
  readonly code: number;
}

/** What is due and in nobody's hands. The second half of a lock's key is shown as an unsigned number. */
const FREE = `
  SELECT o.id FROM operations o
  WHERE o.status IN ('pending', 'running') AND o.run_after <= now() AND o.kind = ANY($1) AND o.required_code <= $2
    AND NOT EXISTS (SELECT FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.classid = ${LOCK_CLASS} AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.objid = (hashtext(o.id::text)::bigint & 4294967295)::oid)
  ORDER BY o.run_after
  LIMIT 20`;

/**
 * A connection of its own to the catalog on which operations are locked, one after the other, and on which all that is
 * recorded of them is written: whoever lost the lock cannot write any more. The lock ends with the process.
 */
export class OperationLock {
  /** Aborted when the connection, and with it the lock, is gone. */
  readonly lost: AbortSignal;

  private constructor(
    readonly client: pg.Client,
    lost: AbortController,
  ) {
    this.lost = lost.signal;
    client.on('error', () => lost.abort());
    client.on('end', () => lost.abort());
  }

  static async open(catalog: ConnectionTarget, options: PoolOptions): Promise<OperationLock> {
    const { statement_timeout: _none, ...connection } = clientConfig(catalog, options);
    const client = new pg.Client({
      ...connection,
      application_name: 'tenantry operations',
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    const lock = new OperationLock(client, new AbortController());
    await client.connect();
    return lock;
  }

  /** Locks one that is due and that can be worked on here; its id, or undefined when there is none. */
  async takeNext({ kinds, code }: Ability): Promise<string | undefined> {
    const { rows } = await this.client.query<{ id: string }>(FREE, [kinds, code]);
    for (const { id } of rows) if (await this.take(id)) return id;
    return undefined;
  }

  /** False while somebody else has it. */
  async take(id: string): Promise<boolean> {
    const { rows } = await this.client.query<{ taken: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS taken',
      [LOCK_CLASS, id],
    );
    return rows[0]?.taken === true;
  }

  async release(id: string): Promise<void> {
    await this.client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_CLASS, id]);
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

/**
 * Ends the connections that hold the locks of operations without a sign of life for so long: of a process that is frozen,
 * or of a machine that is cut off. What it would still write has no connection to go over. The sign of life is set anew,
 * so that of all who see this only one ends a connection, and nobody that of the next who takes the operation up.
 */
export const END_FROZEN = `
  WITH frozen AS (
    UPDATE operations SET heartbeat_at = now()
    WHERE status = 'running' AND heartbeat_at < now() - make_interval(secs => $1)
    RETURNING id)
  SELECT pg_terminate_backend(l.pid)
  FROM frozen
  JOIN pg_locks l ON l.locktype = 'advisory' AND l.classid = ${LOCK_CLASS} AND l.objsubid = 2 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.objid = (hashtext(frozen.id::text)::bigint & 4294967295)::oid`;

/** Whether anything is due that nobody has in hand. */
export const ANY_FREE = `SELECT EXISTS (${FREE}) AS waiting`;
