import type { AcquireRequest, ConnectionPool, PooledConnection } from '../pool/connection-pool.js';
import { lsnText } from '../statements/positions/wal-position.js';
import type { Stamp } from '../statements/stamps/stamp.js';
import { TenantAccess } from '../statements/tenant-access.js';

/** How long a read waits for a connection to a replica before it goes to the primary. */
const CONNECTION_MS = 250;

/** After a read had no connection to a replica, others of the same target do not wait for one during this time. */
const REST_MS = 500;

/** When reads wait for a connection of the pool again, in ms of `performance.now()`. */
const resting = new WeakMap<ConnectionPool, number>();

/** One tenant's access to a replica: under the same stamp, and read-only also should the replica have been promoted. */
export class ReplicaAccess extends TenantAccess {
  constructor({ stamp, share, mayExplain }: TenantAccess, pool: ConnectionPool) {
    super(pool, Object.freeze({ ...stamp, isReadOnly: true }), share, mayExplain);
  }

  /** The same, where what was written before the position has been replayed. */
  at(lsn: bigint): TenantAccess {
    const stamp: Stamp = Object.freeze({ ...this.stamp, replayed: lsnText(lsn) });
    return Object.create(this, { stamp: { value: stamp } }) as TenantAccess;
  }

  /** Whether a read of the same target had no connection just now. */
  get isResting(): boolean {
    return (resting.get(this.pool) ?? 0) > performance.now();
  }

  /** A read had no connection. Meanwhile the pool goes on opening one. */
  rest(): void {
    resting.set(this.pool, performance.now() + REST_MS);
  }

  protected override acquire(request: AcquireRequest): Promise<PooledConnection> {
    return super.acquire({ ...request, signal: request.signal ?? AbortSignal.timeout(CONNECTION_MS) });
  }
}
