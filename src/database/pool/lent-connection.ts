import type pg from 'pg';
import type { PooledConnection } from './connection-pool.js';
import type { HeldLease } from './lease-register.js';
import type { PhysicalConnection } from './physical-connection.js';

/** Whoever lent a connection and wants it back. */
interface Lender {
  giveBack(lent: LentConnection, discardReason?: string): void;
}

/** A pool's connection in the hands of one caller. */
export class LentConnection implements PooledConnection {
  private released = false;
  private reason: Error | undefined;

  constructor(
    private readonly lender: Lender,
    readonly connection: PhysicalConnection,
    readonly tenantId: string,
    readonly lease: HeldLease | undefined,
  ) {}

  get client(): pg.ClientBase {
    return this.connection.client;
  }

  get takenAway(): Error | undefined {
    return this.reason;
  }

  /** Tells the holder that the connection, which is being closed, is theirs no more; sessions hear it as an error. */
  takeAway(reason: Error): void {
    this.reason = reason;
    this.connection.client.emit('error', reason);
  }

  release(discardReason?: string): void {
    if (this.released) return;
    this.released = true;
    this.lender.giveBack(this, discardReason);
  }
}
