import type { CallSite } from './call-site.js';
import type { AcquireRequest, PooledConnection } from './connection-pool.js';
import type { TenantShare, Waiter } from './fair-queue.js';

/** Somebody who waits for a connection, with their way to stop waiting. */
export class PoolWaiter implements Waiter {
  private onAbort: (() => void) | undefined;

  constructor(
    readonly request: AcquireRequest,
    readonly since: number,
    /** Where a lease was asked for. */
    readonly site: CallSite | undefined,
    private readonly settleWith: (connection: PooledConnection) => void,
    private readonly failWith: (reason: unknown) => void,
  ) {}

  get tenantId(): string {
    return this.request.tenantId;
  }

  get share(): TenantShare {
    return this.request.share;
  }

  get shares(): boolean {
    return this.request.shares === true;
  }

  get signal(): AbortSignal | undefined {
    return this.request.signal;
  }

  /** @param giveUp called with the signal's reason; one that was watching before is not called any more */
  watchSignal(giveUp: (reason: unknown) => void): void {
    this.unwatch();
    const { signal } = this;
    if (!signal) return;
    this.onAbort = () => giveUp(signal.reason);
    signal.addEventListener('abort', this.onAbort);
  }

  resolve(connection: PooledConnection): void {
    this.unwatch();
    this.settleWith(connection);
  }

  reject(reason: unknown): void {
    this.unwatch();
    this.failWith(reason);
  }

  private unwatch(): void {
    if (this.onAbort) this.signal?.removeEventListener('abort', this.onAbort);
    this.onAbort = undefined;
  }
}
