import type pg from 'pg';
import type { PooledConnection } from './connection-pool.js';
import type { HeldLease } from './lease-register.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';

/** Whoever lent a connection and wants it back. */
interface ReturnTarget {
  release(lent: CheckedOutConnection, discardReason?: string): void;
}

/** A pool's connection in the hands of one caller. */
export class CheckedOutConnection implements PooledConnection {
  private released = false;
  private reason: Error | undefined;
  private tell: ((reason: Error) => void) | undefined;

  constructor(
    private readonly lender: ReturnTarget,
    readonly connection: PhysicalConnection,
    readonly tenantId: string,
    readonly lease: HeldLease | undefined,
    readonly isKept = false,
    readonly isShared = false,
  ) {}

  get client(): pg.ClientBase {
    return this.connection.client;
  }

  get revoked(): Error | undefined {
    return this.reason;
  }

  /**
   * Tells the holder that the connection is theirs no more. One that is shared stays with the others; of one that is being
   * closed sessions hear it as an error.
   */
  revoke(reason: Error): void {
    if (this.reason) return;
    this.reason = reason;
    if (this.isShared) this.tell?.(reason);
    else this.connection.client.emit('error', reason);
  }

  onRevoked(tell: (reason: Error) => void): void {
    if (this.isShared) this.tell = tell;
  }

  release(discardReason?: string): void {
    if (this.released) return;
    this.released = true;
    this.lender.release(this, discardReason);
  }
}
