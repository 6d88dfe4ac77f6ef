import pg from 'pg';
import type { ConnectionPool, PooledConnection } from './connection-pool.js';
import { targetName } from './connection-pool.js';
import type { ConnectionTarget } from './connection-target.js';
import {
  type PoolCounts,
  PoolEndedError,
  PoolTimeoutError,
  TargetUnavailableError,
  UnsafeRoleError,
} from './pool.errors.js';
import { clientConfig, type PoolOptions } from './pool-options.js';
import { assertRoleIsHeldByPolicies } from './role-check.js';

/** The physical connections of one target, kept by pg.Pool. */
export class TargetPool implements ConnectionPool {
  private readonly pool: pg.Pool;
  private roleCheck: Promise<void> | undefined;
  private ending: Promise<void> | undefined;

  constructor(
    readonly target: ConnectionTarget,
    private readonly options: PoolOptions,
  ) {
    this.pool = new pg.Pool({
      ...clientConfig(target, options),
      min: options.size,
      max: options.size + options.maxOverflow,
      idleTimeoutMillis: 1, // above `min` only: overflow closes as soon as it is idle
      connectionTimeoutMillis: options.timeoutMs,
      maxLifetimeSeconds: options.recycleSeconds,
      onConnect: (client) => this.checkRole(client),
    });
    // An idle connection that dies is replaced when it is next needed; without a listener it would end the process.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async acquire(): Promise<PooledConnection> {
    if (this.ending) throw new PoolEndedError(targetName(this.target));
    const client = await this.connect();
    let released = false;
    return {
      client,
      release: (reason) => {
        if (released) return;
        released = true;
        client.release(reason === undefined ? undefined : new Error(reason));
      },
    };
  }

  counts(): PoolCounts {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return { total: totalCount, busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  end(): Promise<void> {
    this.ending ??= this.pool.end();
    return this.ending;
  }

  private async connect(): Promise<pg.PoolClient> {
    try {
      return await this.pool.connect();
    } catch (error) {
      if (error instanceof UnsafeRoleError) throw error;
      const name = targetName(this.target);
      const timedOut = error instanceof Error && error.message === 'timeout exceeded when trying to connect';
      if (timedOut) throw new PoolTimeoutError(name, this.counts(), this.options.timeoutMs);
      throw new TargetUnavailableError(name, error);
    }
  }

  /** Once per pool: the role does not change under a living target, and a changed one gets a new pool. */
  private checkRole(client: pg.ClientBase): Promise<void> {
    this.roleCheck ??= assertRoleIsHeldByPolicies(client, this.target).catch((error: unknown) => {
      this.roleCheck = undefined;
      throw error;
    });
    return this.roleCheck;
  }
}
