import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../config/app-config.js';
import { type ConnectionPool, targetName } from './connection-pool.js';
import type { ConnectionTarget } from './connection-target.js';
import { DirectConnections } from './direct-connections.js';
import { PoolEndedError } from './pool.errors.js';
import { type PoolOptions, poolOptions } from './pool-options.js';
import { TargetPool } from './target-pool.js';

/** Every pool of this process: one per connection target. */
@Injectable()
export class ConnectionPools {
  private readonly logger = new Logger(ConnectionPools.name);
  private readonly byTarget = new Map<string, ConnectionPool>();
  private readonly draining = new Set<Promise<void>>();
  private readonly options: PoolOptions;
  private readonly pooled: boolean;
  private closed = false;

  constructor(@Inject(APP_CONFIG) config: AppConfig) {
    this.options = poolOptions(config);
    this.pooled = config.pool.enabled;
    if (!this.pooled) this.logger.log('Connection pooling is off: every statement opens a direct connection');
  }

  /**
   * The target's pool. A newer version of the target gets a new pool at once; the old one ends with its last lease.
   *
   * @throws PoolEndedError after `close`: late work would open connections that nobody closes
   */
  get(target: ConnectionTarget): ConnectionPool {
    if (this.closed) throw new PoolEndedError(targetName(target));
    const existing = this.byTarget.get(target.id);
    if (existing?.target.version === target.version) return existing;
    if (existing) this.drain(existing);
    const pool = this.pooled ? new TargetPool(target, this.options) : new DirectConnections(target, this.options);
    this.byTarget.set(target.id, pool);
    if (this.pooled) {
      const { size, maxOverflow } = this.options;
      this.logger.log(`Connection pool ready: ${targetName(target)} (size ${size}, overflow ${maxOverflow})`);
    }
    return pool;
  }

  all(): readonly ConnectionPool[] {
    return [...this.byTarget.values()];
  }

  /** Drains and closes every pool; connections not given back by the deadline are left to the end of the process. */
  async close(deadlineMs: number): Promise<void> {
    this.closed = true;
    for (const pool of this.byTarget.values()) this.drain(pool);
    this.byTarget.clear();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), deadlineMs);
    });
    const outcome = await Promise.race([Promise.all(this.draining), deadline]);
    clearTimeout(timer);
    if (outcome === 'late') this.logger.warn(`${this.draining.size} pools still had leases after ${deadlineMs} ms`);
  }

  private drain(pool: ConnectionPool): void {
    const ended = pool.end().finally(() => this.draining.delete(ended));
    this.draining.add(ended);
  }
}
