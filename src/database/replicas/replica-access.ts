import type { AcquireRequest, ConnectionPool, PooledConnection } from '../pool/connection-pool.js';
import { lsnText } from '../statements/wal-position.js';
import type { Stamp } from '../statements/stamp.js';
import { TenantAccess } from '../statements/tenant-access.js';

/** How long a read waits for a connection to a replica before it goes to the primary. */
const CONNECTION_MS = 250;

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

  protected override acquire(request: AcquireRequest): Promise<PooledConnection> {
    return super.acquire({ ...request, signal: request.signal ?? AbortSignal.timeout(CONNECTION_MS) });
  }
}
