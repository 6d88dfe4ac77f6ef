import type { ConnectionSupply } from './connection-supply.js';
import type { CheckedOutConnection } from './checked-out-connection.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';
import type { PoolConnections } from './pool-connections.js';
import type { PoolOptions } from './pool-options.js';
import type { CloseReason } from '../connection/physical-connection.js';

/** Handles released connections: each is parked, closed, or left to its remaining sharers. */
export class ReturnedConnections {
  private ended = false;

  constructor(
    private readonly connections: PoolConnections,
    private readonly supply: ConnectionSupply,
    private readonly options: PoolOptions,
  ) {}

  /** From now on, every released connection is closed. */
  end(): void {
    this.ended = true;
  }

  /** @param now in ms of the pool's clock */
  accept({ connection, isShared }: CheckedOutConnection, discardReason: string | undefined, now: number): void {
    if (isShared && this.connections.unshare(connection, now)) this.leaveToSharers(connection, discardReason, now);
    else this.parkOrClose(connection, discardReason, now);
  }

  private parkOrClose(connection: PhysicalConnection, discardReason: string | undefined, now: number): void {
    const reason = this.reasonToClose(connection, discardReason, now);
    if (reason) this.connections.retire(connection, reason);
    else this.connections.park(connection, now);
  }

  /** A reason to close the connection takes effect when its last sharer has released it. */
  private leaveToSharers(connection: PhysicalConnection, discardReason: string | undefined, now: number): void {
    if (discardReason === undefined && connection.hasInitialSession) connection.lastAliveAt = now;
    else connection.closeReason = 'discarded';
    if (connection.closeReason) return;
    if (this.ended) connection.closeReason = 'ending';
    else if (this.supply.isNeededElsewhere()) connection.closeReason = 'server-limit';
  }

  private reasonToClose(
    connection: PhysicalConnection,
    discardReason: string | undefined,
    now: number,
  ): CloseReason | undefined {
    if (discardReason !== undefined || !connection.isClean || !this.connections.has(connection)) return 'discarded';
    if (connection.closeReason) return connection.closeReason;
    if (this.ended) return 'ending';
    if (!this.options.reuse) return 'direct';
    if (now >= connection.retireAt) return 'recycled';
    return this.supply.isNeededElsewhere() ? 'server-limit' : undefined;
  }
}
