import { withCatalogSchema } from '../catalog/catalog-schema.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { cancelIfBusy } from '../database/connection/cancel-request.js';
import { ReadWriteClient } from '../database/connection/read-write-client.js';
import type { SlotSource } from '../database/connection/slot-source.js';
import type { PoolOptions } from '../database/pool/pool-options.js';
import { clientConfig } from '../database/connection/client-config.js';
import { OPERATIONS_LOCK } from '../platform/postgres/advisory-locks.js';
import { applicationName } from '../platform/postgres/application-name.js';

/** Query timeout of the lock's connection: when it is exceeded, the lock counts as lost. */
const QUERY_TIMEOUT_MS = 10_000;

/** What an instance can work on. */
export interface RunnerCapabilities {
  /** Operation kinds that its code knows. */
  readonly kinds: readonly string[];
  /** Of its migrations and policies, see `codeVersion`. */
  readonly codeVersion: number;
  /** Names of the migrations in its code. */
  readonly migrations: readonly string[];
  /** Names of the application's hooks that it can call. */
  readonly hooks: readonly string[];
}

/** Due operations that are not locked. What is to be cancelled needs no file (a name with a colon) for that. `pg_locks` shows the second half of a lock's key as an unsigned number. */
const DUE = `
  SELECT o.id FROM operations o
  WHERE o.status IN ('pending', 'running') AND o.run_after <= now() AND o.kind = ANY($1) AND o.required_code <= $2
    AND (o.required_set IS NULL
      OR EXISTS (SELECT FROM migration_sets s WHERE s.digest = o.required_set AND s.names <@ $3::text[]))
    AND (o.required_hooks IS NULL OR o.required_hooks <@ $4::text[]
      OR o.cancel_requested AND array(SELECT name FROM unnest(o.required_hooks) name WHERE strpos(name, ':') = 0) <@ $4::text[])
    AND NOT EXISTS (SELECT FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.classid = ${OPERATIONS_LOCK} AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.objid = (hashtext(o.id::text)::bigint & 4294967295)::oid)
  ORDER BY o.run_after
  LIMIT 20`;

/**
 * A dedicated connection to the catalog that locks one operation at a time. All progress of the operation is written
 * over this connection too, so an instance that lost the lock cannot write any more. The lock ends with the process.
 */
export class OperationLock {
  /** Aborted when the connection, and with it the lock, is lost. */
  readonly lost: AbortSignal;

  private constructor(
    readonly client: ReadWriteClient,
    lost: AbortController,
  ) {
    this.lost = lost.signal;
    client.on('error', () => lost.abort());
    client.on('end', () => lost.abort());
    client.onReadOnly(() => lost.abort());
  }

  /**
   * @param schema of the catalog's tables
   * @param slots for its connection; without limit unless given
   */
  static async open(
    catalog: ConnectionTarget,
    options: PoolOptions,
    schema: string,
    slots?: SlotSource,
  ): Promise<OperationLock> {
    const { statement_timeout: _none, ...connection } = withCatalogSchema(clientConfig(catalog, options), schema);
    const client = new ReadWriteClient({
      ...connection,
      application_name: applicationName('operations', options.instanceId),
      query_timeout: QUERY_TIMEOUT_MS,
      slots,
    });
    const lock = new OperationLock(client, new AbortController());
    await client.connect();
    return lock;
  }

  /** Locks a due operation that this instance can work on and returns its id, or `undefined` when there is none. */
  async lockNextDue({ kinds, codeVersion, migrations, hooks }: RunnerCapabilities): Promise<string | undefined> {
    const { rows } = await this.client.query<{ id: string }>(DUE, [kinds, codeVersion, migrations, hooks]);
    for (const { id } of rows) if (await this.tryLock(id)) return id;
    return undefined;
  }

  /** Returns false while another session holds the lock. */
  async tryLock(id: string): Promise<boolean> {
    const { rows } = await this.client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
      [OPERATIONS_LOCK, id],
    );
    return rows[0]?.locked === true;
  }

  async unlock(id: string): Promise<void> {
    await this.client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [OPERATIONS_LOCK, id]);
  }

  async close(): Promise<void> {
    cancelIfBusy(this.client);
    await this.client.end();
  }
}

/**
 * Terminates the connections that hold locks of operations without a heartbeat for $1 seconds: their process is frozen,
 * or its machine is cut off from the network. Without the connection, that process cannot write any more. The heartbeat
 * is renewed, so that only one instance terminates the connection, and none terminates that of the operation's next
 * worker.
 */
export const TERMINATE_FROZEN = `
  WITH frozen AS (
    UPDATE operations SET heartbeat_at = now()
    WHERE status = 'running' AND heartbeat_at < now() - make_interval(secs => $1)
    RETURNING id)
  SELECT pg_terminate_backend(l.pid)
  FROM frozen
  JOIN pg_locks l ON l.locktype = 'advisory' AND l.classid = ${OPERATIONS_LOCK} AND l.objsubid = 2 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.objid = (hashtext(frozen.id::text)::bigint & 4294967295)::oid`;

/** Whether an operation is due and not locked. */
export const ANY_DUE = `SELECT EXISTS (${DUE}) AS any_due`;
