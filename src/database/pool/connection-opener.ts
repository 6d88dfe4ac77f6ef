import pg from 'pg';
import { ConnectBreaker } from '../connection/connect-breaker.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { PhysicalConnection } from '../connection/physical-connection.js';
import { clientConfig, type PoolOptions } from './pool-options.js';
import { assertRoleIsHeldByPolicies } from '../connection/role-check.js';

/** Connections of one age group are replaced over a tenth of their life, so that a fleet does not reconnect at once. */
const RECYCLE_JITTER = 0.1;

/** Opens connections to one target. */
export class ConnectionOpener {
  readonly breaker = new ConnectBreaker();
  private roleIsSafe = false;
  /** What connecting threw when it was tried last. */
  private failure: unknown;
  private readonly abandoned = new AbortController();

  constructor(
    private readonly target: ConnectionTarget,
    private readonly options: PoolOptions,
    private readonly now: () => number,
    private readonly random: () => number,
  ) {}

  /** Why connecting fails; undefined before it has failed for the first time. */
  get lastFailure(): unknown {
    return this.failure;
  }

  /** Whether nobody tries any more because the server does not even answer. One that refuses us is alive. */
  get isUnreachable(): boolean {
    return this.breaker.state !== 'closed' && !(this.failure instanceof pg.DatabaseError);
  }

  /**
   * @param onLost called when the connection breaks or is closed from the other side
   * @throws what connecting throws, the breaker's refusal, or UnsafeRoleError
   */
  open(onLost: (lost: PhysicalConnection) => void): Promise<PhysicalConnection> {
    return this.breaker.run(() => runWithoutContext(() => this.connect(onLost)));
  }

  /** Gives up what is being opened, and everything that would be. */
  abandon(): void {
    this.abandoned.abort();
  }

  private async connect(onLost: (lost: PhysicalConnection) => void): Promise<PhysicalConnection> {
    try {
      const connection = await PhysicalConnection.open(clientConfig(this.target, this.options), {
        ...{ now: this.now, retireAt: this.retireAt(), onLost, signal: this.abandoned.signal },
      });
      await this.checkRole(connection);
      return connection;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** Once per pool: the role does not change under a living target, and a changed one gets a new pool. */
  private async checkRole(connection: PhysicalConnection): Promise<void> {
    if (this.roleIsSafe) return;
    try {
      await assertRoleIsHeldByPolicies(connection.client, this.target, this.options.connectTimeoutMs);
      this.roleIsSafe = true;
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
