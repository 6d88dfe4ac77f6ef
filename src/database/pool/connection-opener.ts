import { setMaxListeners } from 'node:events';
import pg from 'pg';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { type OpenOptions, PhysicalConnection } from '../connection/physical-connection.js';
import { PoolEntry } from './pool-entry.js';
import { type PoolOptions, roleCheckOptions } from './pool-options.js';
import { clientConfig } from '../connection/client-config.js';
import { ResultLimit } from '../connection/result-limit.js';
import { assertRoleIsSubjectToPolicies } from '../connection/role-check.js';
import { ExponentialBackoff } from 'cockatiel';
import { Breaker } from '../../platform/breaker.js';
import { exceededLimit } from '../connection/connection-failure.js';
import { UnsafeRoleError } from '../connection/connection.errors.js';

/** Replacement is spread over the last tenth of a connection's life, so that a fleet does not reconnect all at once. */
const RECYCLE_JITTER = 0.1;

/** Opens connections to one target. */
export class ConnectionOpener {
  readonly breaker = new ConnectBreaker();
  /** What the role check found; undefined until the first connection. */
  private place: CheckedPlace | undefined;
  private lastError: unknown;
  private readonly abandoned = new AbortController();

  constructor(
    private readonly target: ConnectionTarget,
    private readonly options: PoolOptions,
    private readonly now: () => number,
    private readonly random: () => number,
    private readonly openConnection: OpenConnection,
  ) {
    setMaxListeners(0, this.abandoned.signal); // one per connection that is being opened, removed afterwards
  }

  /** The error of the most recent failed attempt; undefined until one has failed. */
  get lastFailure(): unknown {
    return this.lastError;
  }

  /** Whether the breaker is open because the server does not respond. A server that rejects the login is reachable. */
  get isUnreachable(): boolean {
    return this.breaker.state !== 'closed' && !(this.lastError instanceof pg.DatabaseError);
  }

  /**
   * @param onLost called when the connection breaks or the server closes it
   * @throws the error of connecting, the breaker's `BrokenCircuitError`, or UnsafeRoleError
   */
  open(onLost: (lost: PoolEntry) => void): Promise<PoolEntry> {
    return this.breaker.run(() => runWithoutContext(() => this.connect(onLost)));
  }

  /** Aborts the attempts in progress and all future ones. */
  abandon(): void {
    this.abandoned.abort();
  }

  private async connect(onLost: (lost: PoolEntry) => void): Promise<PoolEntry> {
    let entry: PoolEntry | undefined;
    try {
      const connection = await this.openConnection(this.target, this.options, {
        onLost: () => entry && onLost(entry),
        signal: this.abandoned.signal,
        place: this.place,
      });
      this.place ??= { hasCitus: connection.client.hasCitus };
      const isBehindPooler = this.target.server.aroundPooler !== undefined;
      entry = new PoolEntry(connection, this.now(), this.retireAt(), isBehindPooler);
      return entry;
    } catch (error) {
      this.lastError = error;
      throw error;
    }
  }

  private retireAt(): number {
    const lifeMs = this.options.recycleSeconds * 1000;
    return lifeMs === 0 ? Infinity : this.now() + lifeMs * (1 - RECYCLE_JITTER * this.random());
  }
}

/** Opens one connection of a pool; `openTenantConnection`, unless the pool serves no tenants. */
export type OpenConnection = (
  target: ConnectionTarget,
  options: PoolOptions,
  open: TenantConnectionOptions,
) => Promise<PhysicalConnection>;

export interface TenantConnectionOptions extends OpenOptions {
  /** Once per pool is enough: a target keeps its role, and a target with a new role gets a new pool. */
  readonly place?: CheckedPlace | undefined;
}

/** What is known of a target whose role was checked. */
interface CheckedPlace {
  readonly hasCitus: boolean;
}

/**
 * Opens a connection on which tenants are served.
 *
 * @throws the error of connecting, or UnsafeRoleError; the connection is closed then
 */
export async function openTenantConnection(
  target: ConnectionTarget,
  options: PoolOptions,
  { place, ...open }: TenantConnectionOptions,
): Promise<PhysicalConnection> {
  const connection = await PhysicalConnection.open(clientConfig(target, options), open);
  try {
    const { client } = connection;
    client.hasCitus = place
      ? place.hasCitus
      : await assertRoleIsSubjectToPolicies(client, target, roleCheckOptions(options));
    ResultLimit.set(connection.client, options.maxResultBytes);
    return connection;
  } catch (error) {
    connection.close();
    await connection.closed;
    throw error;
  }
}

/** Consecutive failures to connect that open the breaker. */
const FAILURE_THRESHOLD = 3;
/** Delay before the first probe; it grows with each failed probe, up to `MAX_PROBE_DELAY_MS`. */
const INITIAL_PROBE_DELAY_MS = 500;
const MAX_PROBE_DELAY_MS = 1_000;

/**
 * Keeps callers from waiting for a target that does not accept connections. An `UnsafeRoleError` does not count as a
 * failure to connect, nor does a server that is full: it is alive.
 */
export class ConnectBreaker extends Breaker {
  constructor() {
    super({
      maxFailures: FAILURE_THRESHOLD,
      probeAfter: new ExponentialBackoff({ initialDelay: INITIAL_PROBE_DELAY_MS, maxDelay: MAX_PROBE_DELAY_MS }),
      isFailure: (error) => !(error instanceof UnsafeRoleError) && exceededLimit(error) === undefined,
    });
  }
}
