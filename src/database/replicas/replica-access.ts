import { TargetUnavailableError, UnsafeRoleError } from '../connection/connection.errors.js';
import type { AcquireRequest, ConnectionPool, PooledConnection } from '../pool/connection-pool.js';
import { lsnText } from '../statements/positions/wal-position.js';
import type { Stamp } from '../statements/stamps/stamp.js';
import { TenantAccess } from '../statements/tenant-access.js';

/** How long a read waits for a connection to a replica before it goes to the primary. */
const CONNECTION_MS = 250;

/** After a read had no connection to a replica, others do not wait for one during this time. */
const REST_MS = 500;

/** When reads wait for a connection of a pool again that could not connect, in ms of `performance.now()`. */
const restingPools = new WeakMap<ConnectionPool, number>();

/** One tenant's access to a replica: under the same stamp, and read-only also should the replica have been promoted. */
export class ReplicaAccess extends TenantAccess {
  private restsUntil = -Infinity;

  constructor({ stamp, share, mayExplain }: TenantAccess, pool: ConnectionPool) {
    super(pool, Object.freeze({ ...stamp, isReadOnly: true }), share, mayExplain);
  }

  /** The same, where what was written before the position has been replayed. */
  at(lsn: bigint): TenantAccess {
    const stamp: Stamp = Object.freeze({ ...this.stamp, replayed: lsnText(lsn) });
    return Object.create(this, { stamp: { value: stamp } }) as TenantAccess;
  }

  /** Whether a read had no connection just now: one of the same tenant, or of any where the target could not be connected to. */
  get isResting(): boolean {
    return Math.max(this.restsUntil, restingPools.get(this.pool) ?? -Infinity) > performance.now();
  }

  /**
   * A read had no connection. Meanwhile the pool goes on opening one.
   *
   * @param error why; a limit of the tenant, or what became of its connection, says nothing about other tenants
   */
  rest(error: unknown): void {
    const until = performance.now() + REST_MS;
    if (error instanceof TargetUnavailableError || error instanceof UnsafeRoleError) restingPools.set(this.pool, until);
    else this.restsUntil = until;
  }

  protected override acquire(request: AcquireRequest): Promise<PooledConnection> {
    return super.acquire({ ...request, signal: request.signal ?? AbortSignal.timeout(CONNECTION_MS) });
  }
}
