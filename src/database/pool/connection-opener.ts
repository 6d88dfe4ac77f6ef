import { setMaxListeners } from 'node:events';
import pg from 'pg';
import { ConnectBreaker } from '../connection/connect-breaker.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { PhysicalConnection } from '../connection/physical-connection.js';
import { clientConfig, type PoolOptions, roleCheckOptions } from './pool-options.js';
import { ResultLimit } from '../connection/result-limit.js';
import { assertRoleIsSubjectToPolicies } from '../connection/role-check.js';

/** Replacement is spread over the last tenth of a connection's life, so that a fleet does not reconnect all at once. */
const RECYCLE_JITTER = 0.1;

/** Opens connections to one target. */
export class ConnectionOpener {
  readonly breaker = new ConnectBreaker();
  private isRoleChecked = false;
  private lastError: unknown;
  private readonly abandoned = new AbortController();

  constructor(
    private readonly target: ConnectionTarget,
    private readonly options: PoolOptions,
    private readonly now: () => number,
    private readonly random: () => number,
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
  open(onLost: (lost: PhysicalConnection) => void): Promise<PhysicalConnection> {
    return this.breaker.run(() => runWithoutContext(() => this.connect(onLost)));
  }

  /** Aborts the attempts in progress and all future ones. */
  abandon(): void {
    this.abandoned.abort();
  }

  private async connect(onLost: (lost: PhysicalConnection) => void): Promise<PhysicalConnection> {
    try {
      const connection = await PhysicalConnection.open(clientConfig(this.target, this.options), {
        now: this.now,
        retireAt: this.retireAt(),
        onLost,
        signal: this.abandoned.signal,
      });
      await this.checkRole(connection);
      ResultLimit.set(connection.client, this.options.maxResultBytes);
      return connection;
    } catch (error) {
      this.lastError = error;
      throw error;
    }
  }

  /** Once per pool: a target keeps its role, and a target with a new role gets a new pool. */
  private async checkRole(connection: PhysicalConnection): Promise<void> {
    if (this.isRoleChecked) return;
    try {
      await assertRoleIsSubjectToPolicies(connection.client, this.target, roleCheckOptions(this.options));
      this.isRoleChecked = true;
    } catch (error) {
      connection.close();
      await connection.closed;
      throw error;
    }
  }

  private retireAt(): number {
    const lifeMs = this.options.recycleSeconds * 1000;
    return lifeMs === 0 ? Infinity : this.now() + lifeMs * (1 - RECYCLE_JITTER * this.random());
  }
}
