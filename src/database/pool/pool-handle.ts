import { CodedError } from '../../errors/coded-error.js';
import type { AcquireRequest, ConnectionPool, PooledConnection } from './connection-pool.js';
import type { ConnectionTarget } from './connection-target.js';
import { DirectFallback } from './direct-fallback.js';
import type { PoolCounts } from './pool.errors.js';
import type { PoolOptions } from './pool-options.js';
import type { TargetPool } from './target-pool.js';

/**
 * The way to a target that stays the same while its pool is replaced: whoever holds it always asks the current one. When
 * the pool itself fails, which no condition of the database does, callers are served over direct connections.
 */
export class PoolHandle implements ConnectionPool {
  private readonly fallback: DirectFallback;

  constructor(
    private current: TargetPool,
    options: PoolOptions,
  ) {
    this.fallback = new DirectFallback(options);
  }

  get target(): ConnectionTarget {
    return this.current.target;
  }

  get pool(): TargetPool {
    return this.current;
  }

  /** @returns the pool that was in use until now */
  replace(pool: TargetPool): TargetPool {
    const former = this.current;
    this.current = pool;
    return former;
  }

  async acquire(request: AcquireRequest): Promise<PooledConnection> {
    const pool = this.current;
    try {
      const connection = await pool.acquire(request);
      this.fallback.recovered();
      return connection;
    } catch (error) {
      if (error instanceof CodedError || request.signal?.aborted) throw error;
      pool.statistics.fallbacks += 1;
      return this.fallback.acquire(pool, request, error);
    }
  }

  counts(): PoolCounts {
    return this.current.counts();
  }
}
