import {
  type AcquireRequest,
  type ConnectionPool,
  operationWork,
  type PooledConnection,
} from '../pool/connection-pool.js';
import type { TenantShare } from '../pool/fair-queue.js';
import type { Growth } from '../sql-guard/growth.js';
import { tracedWait } from './database-spans.js';
import type { ReplicaReads } from './positions/replica-scope.js';
import type { Stamp } from './stamps/stamp.js';
import { currentUsage, type Usage } from './usage.js';

/** Finds a tenant's place after its rows have moved. */
export interface Relocation {
  /**
   * The access to the place where the tenant is now. While that is not known to have changed: the former one, after a moment.
   *
   * @param since when a statement first found the gate closed, in ms of `performance.now()`
   * @throws TenantReadOnlyError (it has waited until its deadline), and the tenant's rejection when it is not served
   */
  next(former: TenantAccess, since: number, refusal: unknown): Promise<TenantAccess>;
}

/** One tenant's access to its target's connections: its identity in the queue, its share of the pool, and its stamp. */
export class TenantAccess {
  /** The target and the schema: where a statement of the tenant runs. */
  readonly place: string;
  private readonly statementRequest: AcquireRequest;
  private readonly sharedStatementRequest: AcquireRequest;
  private readonly leaseRequest: AcquireRequest;
  private readonly unlimitedLeaseRequest: AcquireRequest;
  private successor: TenantAccess | undefined;
  private forReads: TenantAccess | undefined;
  /** Where its reads may go; undefined without replicas, and while its rows move. */
  replicas: ReplicaReads | undefined;
  /** Whether its server has replicas, so that calls remember where they have written. */
  hasReplicas = false;

  constructor(
    readonly pool: ConnectionPool,
    readonly stamp: Stamp,
    readonly share: TenantShare,
    /** Whether `EXPLAIN` is admitted: its estimates tell of the rows of all tenants of the target. */
    readonly mayExplain = false,
    /** Whether it is an operation's, which works while the tenant is not served. */
    readonly isOperation = false,
    /** Finds where the tenant's rows are after a move; undefined for an access that no move concerns. */
    private readonly relocation?: Relocation,
    /** Undefined for a tenant that may have stored any amount. */
    readonly growth?: Growth,
  ) {
    const { tenantId } = stamp;
    const caller = isOperation ? { tenantId: operationWork(tenantId), isOperation } : { tenantId };
    this.statementRequest = { ...caller, share, hold: 'statement' };
    this.sharedStatementRequest = { ...caller, share, hold: 'statement', allowsSharing: true };
    this.leaseRequest = { ...caller, share, hold: 'lease' };
    this.place = `${pool.target.id} ${stamp.searchPath}`;
    this.unlimitedLeaseRequest = { ...this.leaseRequest, isUnlimited: true };
  }

  /** Itself, or what has taken its place since the tenant has moved. */
  get current(): TenantAccess {
    return this.successor?.current ?? this;
  }

  /** The same for statements that may only read, wherever the tenant is. */
  get readOnly(): TenantAccess {
    return (this.forReads ??= new ReadOnlyAccess(this));
  }

  /** From now on, those who hold this access use the other one. */
  succeedBy(successor: TenantAccess): void {
    if (successor.current !== this) this.successor = successor;
  }

  /**
   * The access with which a statement that met a closed gate is sent again.
   *
   * @param since when the first refusal was met, in ms of `performance.now()`
   * @throws the refusal itself for an access that no move concerns, and the errors of `Relocation`
   */
  async afterRefusal(refusal: unknown, since: number): Promise<TenantAccess> {
    if (!this.relocation) throw refusal;
    const { current } = this;
    const next = current === this ? await this.relocation.next(this, since, refusal) : current;
    if (next !== this) this.succeedBy(next);
    return next.current;
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

  protected acquire(request: AcquireRequest): Promise<PooledConnection> {
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

/** Under a stamp that makes PostgreSQL refuse writes; it does not depend on what the text of a statement shows. */
class ReadOnlyAccess extends TenantAccess {
  constructor(private readonly origin: TenantAccess) {
    const { pool, stamp, share, mayExplain, isOperation } = origin;
    super(pool, Object.freeze({ ...stamp, isReadOnly: true }), share, mayExplain, isOperation);
  }

  override async afterRefusal(refusal: unknown, since: number): Promise<TenantAccess> {
    return (await this.origin.afterRefusal(refusal, since)).readOnly;
  }
}
