import pg from 'pg';
import { type ConnectionPool, type PooledConnection, targetName } from './connection-pool.js';
import type { ConnectionTarget } from './connection-target.js';
import { type PoolCounts, PoolEndedError, TargetUnavailableError, UnsafeRoleError } from './pool.errors.js';
import { clientConfig, type PoolOptions } from './pool-options.js';
import { assertRoleIsHeldByPolicies } from './role-check.js';

/** Pooling switched off: every lease and every statement opens and closes a connection of its own. */
export class DirectConnections implements ConnectionPool {
  private open = 0;
  private roleChecked = false;
  private onEmpty: (() => void) | undefined;
  private ending: Promise<void> | undefined;

  constructor(
    readonly target: ConnectionTarget,
    private readonly options: PoolOptions,
  ) {}

  async acquire(): Promise<PooledConnection> {
    if (this.isEnding) throw new PoolEndedError(targetName(this.target));
    this.open += 1;
    const client = new pg.Client(clientConfig(this.target, this.options));
    client.on('error', () => undefined); // whoever waits on a statement is told
    try {
      await client.connect();
      if (!this.roleChecked) await assertRoleIsHeldByPolicies(client, this.target);
      this.roleChecked = true;
    } catch (error) {
      this.close(client);
      throw error instanceof UnsafeRoleError ? error : new TargetUnavailableError(targetName(this.target), error);
    }
    if (this.isEnding) {
      this.close(client);
      throw new PoolEndedError(targetName(this.target));
    }
    let released = false;
    return {
      client,
      release: () => {
        if (released) return;
        released = true;
        this.close(client);
      },
    };
  }

  counts(): PoolCounts {
    return { total: this.open, busy: this.open, idle: 0, waiting: 0 };
  }

  end(): Promise<void> {
    this.ending ??= new Promise((resolve) => {
      if (this.open === 0) resolve();
      else this.onEmpty = resolve;
    });
    return this.ending;
  }

  private get isEnding(): boolean {
    return this.ending !== undefined;
  }

  private close(client: pg.Client): void {
    void client.end().finally(() => {
      this.open -= 1;
      if (this.open === 0) this.onEmpty?.();
    });
  }
}
