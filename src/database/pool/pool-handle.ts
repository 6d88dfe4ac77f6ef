import { CodedError } from '../../platform/errors/coded-error.js';
import {
  type Admission,
  ADMIT_ALL,
  type Rejection,
  type AcquireRequest,
  type ConnectionPool,
  type PooledConnection,
} from './connection-pool.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { DirectFallback } from './direct-fallback.js';
import type { PoolCounts } from './pool.errors.js';
import type { PoolOptions } from './pool-options.js';
import type { TargetPool } from './target-pool.js';

/** What a handle asks of the pools that it belongs to. */
export interface PoolOwner {
  /** Read for each request, because it is set after the first pools have been created. */
  readonly admission: Admission;
  /** Gives the handle a new pool instead of an ended one, unless the process is stopping. */
  reopen?(handle: PoolHandle): void;
}

/**
 * A stable handle to a target whose pool may be replaced: requests always go to the current pool. When the pool itself
 * fails (a defect, not a condition of the database), callers get direct connections. Either way, the tenant is checked
 * for admission first.
 */
export class PoolHandle implements ConnectionPool {
  private readonly fallback: DirectFallback;

  constructor(
    private current: TargetPool,
    options: PoolOptions,
    private readonly owner: PoolOwner = { admission: ADMIT_ALL },
  ) {
    this.fallback = new DirectFallback(options);
  }

  get target(): ConnectionTarget {
    return this.current.target;
  }

  get pool(): TargetPool {
    return this.current;
  }

  /** @returns the previous pool */
  replace(pool: TargetPool): TargetPool {
    const previous = this.current;
    this.current = pool;
    return previous;
  }

  tryAcquire(request: AcquireRequest): PooledConnection | undefined {
    if (!request.isOperation && !this.owner.admission.isOpen(request.tenantId)) return undefined;
    try {
      const connection = this.current.tryAcquire(request);
      if (connection) this.fallback.recovered();
      return connection;
    } catch {
      return undefined; // `acquire` meets the same error and handles it
    }
  }

  async acquire(request: AcquireRequest): Promise<PooledConnection> {
    const pendingCheck = request.isOperation ? undefined : this.owner.admission.enter(request.tenantId);
    if (pendingCheck) await pendingCheck;
    if (this.current.isEnded) this.owner.reopen?.(this); // the target was deleted, and its tenant is served again
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
  tenantsInFallback(): string[] {
    return this.fallback.tenantsInUse();
  }

  /** Revokes the tenant's direct connections. @returns how many */
  revokeFromFallback(tenantId: string, rejection: Rejection): number {
    return this.fallback.revoke(tenantId, rejection);
  }

  /** Takes no further direct connections. Resolves once none is open. */
  endFallback(): Promise<void> {
    return this.fallback.end();
  }

  /** Destroys the sockets of all direct connections. */
  destroyFallback(): void {
    this.fallback.destroyAll();
  }

  private async acquireDirectly(pool: TargetPool, request: AcquireRequest, cause: unknown): Promise<PooledConnection> {
    const connection = await this.fallback.acquire(pool, request, cause);
    try {
      if (!request.isOperation) this.owner.admission.assertServed(request.tenantId); // the tenant's status may have changed while it was opening
      return connection;
    } catch (rejection) {
      connection.release();
      throw rejection;
    }
  }
}
