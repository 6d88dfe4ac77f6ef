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
  private readonly callers = new Set<() => void>();
  private readonly open = new Set<pg.PoolClient>();
  private onEmpty: (() => void) | undefined;
  private roleCheck: Promise<void> | undefined;
  private ending: Promise<void> | undefined;

  constructor(
    readonly target: ConnectionTarget,
    private readonly options: PoolOptions,
  ) {
    this.pool = new pg.Pool({
      Client: clientOf(target, options),
      min: options.size,
      max: options.size + options.maxOverflow,
      idleTimeoutMillis: 1, // above `min` only: overflow closes as soon as it is idle
      connectionTimeoutMillis: options.timeoutMs,
      maxLifetimeSeconds: options.recycleSeconds,
      onConnect: (client) => this.checkRole(client),
    });
    // An idle connection that dies is replaced when it is next needed; without a listener it would end the process.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => {
      this.open.add(client);
      client.on('error', () => undefined); // whoever waits on a statement is told
    });
    this.pool.on('remove', (client) => {
      this.open.delete(client);
      if (this.open.size === 0) this.onEmpty?.();
    });
  }

  async acquire(): Promise<PooledConnection> {
    if (this.ending) throw new PoolEndedError(targetName(this.target));
    const client = await this.connectUnlessEnding();
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
    const waiting = this.ending ? 0 : waitingCount; // pg.Pool goes on counting who was turned away
    return { total: totalCount, busy: totalCount - idleCount, idle: idleCount, waiting };
  }

  end(): Promise<void> {
    this.ending ??= this.close();
    return this.ending;
  }

  /** pg.Pool forgets who waits when it ends, and says that it has ended before its connections are closed. */
  private async close(): Promise<void> {
    for (const turnAway of this.callers) turnAway();
    await this.pool.end();
    if (this.open.size > 0) await new Promise<void>((resolve) => (this.onEmpty = resolve));
  }

  private connectUnlessEnding(): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      const turnAway = (): void => reject(new PoolEndedError(targetName(this.target)));
      this.callers.add(turnAway);
      const settle = async (): Promise<void> => {
        try {
          const client = await this.pool.connect();
          if (this.ending) client.release(true);
          else resolve(client);
        } catch (error) {
          reject(this.toPoolError(error));
        } finally {
          this.callers.delete(turnAway);
        }
      };
      void settle();
    });
  }

  private toPoolError(error: unknown): unknown {
    if (error instanceof UnsafeRoleError) return error;
    const name = targetName(this.target);
    const timedOut = error instanceof Error && error.message === 'timeout exceeded when trying to connect';
    if (timedOut) return new PoolTimeoutError(name, this.counts(), this.options.timeoutMs);
    return new TargetUnavailableError(name, error);
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

/** pg.Pool has one deadline for waiting and connecting alike, and hands it to its clients: they get their own here. */
function clientOf(target: ConnectionTarget, options: PoolOptions): new () => pg.Client {
  return class extends pg.Client {
    constructor() {
      super(clientConfig(target, options));
    }
  };
}
