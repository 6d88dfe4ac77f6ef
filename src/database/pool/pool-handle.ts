import { CodedError } from '../../platform/errors/coded-error.js';
import { type Admission, ADMIT_ALL, type Rejection } from './admission.js';
import type { AcquireRequest, ConnectionPool, PooledConnection } from './connection-pool.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { DirectFallback } from './direct-fallback.js';
import type { PoolCounts } from './pool.errors.js';
import type { PoolOptions } from './pool-options.js';
import type { TargetPool } from './target-pool.js';

/**
 * The way to a target that stays the same while its pool is replaced: whoever holds it always asks the current one. When
 * the pool itself fails, which no condition of the database does, callers are served over direct connections. Whichever it
 * is, only tenants that are served get one.
 */
export class PoolHandle implements ConnectionPool {
  private readonly fallback: DirectFallback;

  constructor(
    private current: TargetPool,
    options: PoolOptions,
    /** Read at each request: the admission is set after the first pools were made. */
    private readonly owner: { readonly admission: Admission } = { admission: ADMIT_ALL },
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

  tryAcquire(request: AcquireRequest): PooledConnection | undefined {
    if (!this.owner.admission.isOpen(request.tenantId)) return undefined;
    try {
      const connection = this.current.tryAcquire(request);
      if (connection) this.fallback.recovered();
      return connection;
    } catch {
      return undefined; // `acquire` meets the same error, and knows what to do
    }
  }

  async acquire(request: AcquireRequest): Promise<PooledConnection> {
    const doubt = this.owner.admission.enter(request.tenantId);
    if (doubt) await doubt;
    const pool = this.current;
    try {
      const connection = await pool.acquire(request);
      this.fallback.recovered();
      return connection;
    } catch (error) {
      if (error instanceof CodedError || request.signal?.aborted) throw error;
      pool.statistics.fallbacks += 1;
      return this.acquireDirectly(pool, request, error);
    }
  }

  counts(): PoolCounts {
    return this.current.counts();
  }

  /** Tenants that hold a direct connection. */
  tenantsOfFallback(): string[] {
    return this.fallback.tenantsInUse();
  }

  /** Takes a tenant's direct connections away. @returns how many */
  revokeFromFallback(tenantId: string, refusal: Rejection): number {
    return this.fallback.revoke(tenantId, refusal);
  }

  private async acquireDirectly(pool: TargetPool, request: AcquireRequest, cause: unknown): Promise<PooledConnection> {
    const connection = await this.fallback.acquire(pool, request, cause);
    try {
      this.owner.admission.assertServed(request.tenantId); // while it was being opened nobody could have turned the caller away
      return connection;
    } catch (refusal) {
      connection.release();
      throw refusal;
    }
  }
}
