import type pg from 'pg';
import type { LeaseLimit, PooledConnection } from './connection-pool.js';
import type { HeldLease } from './leases.js';
import type { PoolEntry } from './pool-entry.js';

/** Receives a connection when its holder releases it: the pool, or the direct fallback. */
interface ReturnTarget {
  release(checkedOut: CheckedOutConnection, discardReason?: string): void;
}

/** A connection checked out by one caller. */
export class CheckedOutConnection implements PooledConnection {
  private released = false;
  private revocation: Error | undefined;
  private notify: ((reason: Error) => void) | undefined;

  constructor(
    private readonly returnTarget: ReturnTarget,
    readonly entry: PoolEntry,
    readonly tenantId: string,
    readonly lease: HeldLease | undefined,
    readonly keepsPreparedStatements = false,
    readonly isShared = false,
  ) {}

  get client(): pg.ClientBase {
    return this.entry.connection.client;
  }

  get revoked(): Error | undefined {
    return this.revocation;
  }

  /**
   * Notifies the holder that it may no longer use the connection. A shared connection stays open for its other sharers;
   * of an exclusive one, which the caller closes, sessions are notified through the client's `error` event.
   */
  revoke(reason: Error): void {
    if (this.revocation) return;
    this.revocation = reason;
    if (this.isShared) this.notify?.(reason);
    else this.client.emit('error', reason);
  }

  onRevoked(notify: (reason: Error) => void): void {
    if (this.isShared) this.notify = notify;
  }

  limitLease(limit: LeaseLimit): void {
    if (this.lease) this.lease.limit = limit;
  }

  release(discardReason?: string): void {
    if (this.released) return;
    this.released = true;
    this.returnTarget.release(this, discardReason);
  }
}
