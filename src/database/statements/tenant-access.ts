import {
  type AcquireRequest,
  type ConnectionPool,
  operationWork,
  type PooledConnection,
} from '../pool/connection-pool.js';
import type { TenantShare } from '../pool/fair-queue.js';
import { tracedWait } from './database-spans.js';
import type { Stamp } from './stamp.js';
import { currentUsage, type Usage } from './usage.js';

/** One tenant's access to its target's connections: its identity in the queue, its share of the pool, and its stamp. */
export class TenantAccess {
  /** The target and the schema: where a statement of the tenant runs. */
  readonly place: string;
  private readonly statementRequest: AcquireRequest;
  private readonly sharedStatementRequest: AcquireRequest;
  private readonly leaseRequest: AcquireRequest;
  private readonly unlimitedLeaseRequest: AcquireRequest;

  constructor(
    readonly pool: ConnectionPool,
    readonly stamp: Stamp,
    share: TenantShare,
    /** Whether `EXPLAIN` is admitted: its estimates tell of the rows of all tenants of the target. */
    readonly mayExplain = false,
    /** Whether it is an operation's, which works while the tenant is not served. */
    readonly isOperation = false,
  ) {
    const { tenantId } = stamp;
    const caller = isOperation ? { tenantId: operationWork(tenantId), isOperation } : { tenantId };
    this.statementRequest = { ...caller, share, hold: 'statement' };
    this.sharedStatementRequest = { ...caller, share, hold: 'statement', allowsSharing: true };
    this.leaseRequest = { ...caller, share, hold: 'lease' };
    this.place = `${pool.target.id} ${stamp.searchPath}`;
    this.unlimitedLeaseRequest = { ...this.leaseRequest, isUnlimited: true };
  }

  /**
   * A connection for one statement.
   *
   * @param isShared whether other statements may be sent before and behind it on the same connection
   * @throws the errors of `ConnectionPool.acquire`
   */
  acquireForStatement(isShared: boolean): Promise<PooledConnection> {
    return this.acquire(isShared ? this.sharedStatementRequest : this.statementRequest);
  }

  /**
   * The same for a read that is sent again because a slow statement is in front of it.
   *
   * @param signal ends the wait
   */
  acquireForResent(isShared: boolean, signal: AbortSignal): Promise<PooledConnection> {
    const request = isShared ? this.sharedStatementRequest : this.statementRequest;
    return this.acquire({ ...request, isResent: true, signal });
  }

  /** The same without waiting; undefined when no connection is available at once. */
  tryAcquireForStatement(isShared: boolean): PooledConnection | undefined {
    const connection = this.pool.tryAcquire(isShared ? this.sharedStatementRequest : this.statementRequest);
    const usage = connection && currentUsage();
    if (usage) usage.statements += 1;
    return connection;
  }

  /**
   * A connection until its holder releases it, within `DB_LEASE_TIMEOUT` and `DB_LEASE_IDLE_TIMEOUT`.
   *
   * @param isUnlimited whether it may be held, and be idle, for as long as its holder wants
   * @throws the errors of `ConnectionPool.acquire`
   */
  acquireForLease(isUnlimited = false): Promise<PooledConnection> {
    return this.acquire(isUnlimited ? this.unlimitedLeaseRequest : this.leaseRequest);
  }

  private acquire(request: AcquireRequest): Promise<PooledConnection> {
    const usage = currentUsage();
    return usage ? this.acquireMeasured(request, usage) : this.acquireTraced(request);
  }

  private async acquireMeasured(request: AcquireRequest, usage: Usage): Promise<PooledConnection> {
    const startedAt = performance.now();
    try {
      return await this.acquireTraced(request);
    } finally {
      usage.statements += 1;
      usage.waitMs += performance.now() - startedAt;
    }
  }

  private acquireTraced(request: AcquireRequest): Promise<PooledConnection> {
    return tracedWait(this.pool, request, () => this.pool.acquire(request));
  }
}
