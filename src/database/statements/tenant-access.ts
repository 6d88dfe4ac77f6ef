import type { AcquireRequest, ConnectionPool, PooledConnection } from '../pool/connection-pool.js';
import type { TenantShare } from '../pool/fair-queue.js';
import { tracedWait } from './database-spans.js';
import type { Stamp } from './stamp.js';
import { currentUsage, type Usage } from './usage.js';

/** One tenant's way to the connections of its target: as whom it asks, how much it may take, and what it stamps. */
export class TenantAccess {
  private readonly statement: AcquireRequest;
  private readonly quickStatement: AcquireRequest;
  private readonly lease: AcquireRequest;

  constructor(
    readonly pool: ConnectionPool,
    readonly stamp: Stamp,
    share: TenantShare,
  ) {
    const { tenantId } = stamp;
    this.statement = { tenantId, share, hold: 'statement' };
    this.quickStatement = { tenantId, share, hold: 'statement', allowsSharing: true };
    this.lease = { tenantId, share, hold: 'lease' };
  }

  /**
   * For one statement.
   *
   * @param shares whether others may send theirs before and behind it
   * @throws what `ConnectionPool.acquire` throws
   */
  forStatement(shares: boolean): Promise<PooledConnection> {
    return this.acquire(shares ? this.quickStatement : this.statement);
  }

  /** The same for whoever need not wait; undefined for whoever must. */
  tryForStatement(shares: boolean): PooledConnection | undefined {
    const connection = this.pool.tryAcquire(shares ? this.quickStatement : this.statement);
    const usage = connection && currentUsage();
    if (usage) usage.statements += 1;
    return connection;
  }

  /** For as long as its holder wants; watched. @throws what `ConnectionPool.acquire` throws */
  forLease(): Promise<PooledConnection> {
    return this.acquire(this.lease);
  }

  private acquire(request: AcquireRequest): Promise<PooledConnection> {
    const usage = currentUsage();
    return usage ? this.acquireMeasured(request, usage) : this.wait(request);
  }

  private async acquireMeasured(request: AcquireRequest, usage: Usage): Promise<PooledConnection> {
    const startedAt = performance.now();
    try {
      return await this.wait(request);
    } finally {
      usage.statements += 1;
      usage.waitMs += performance.now() - startedAt;
    }
  }

  private wait(request: AcquireRequest): Promise<PooledConnection> {
    return tracedWait(this.pool, request, () => this.pool.acquire(request));
  }
}
