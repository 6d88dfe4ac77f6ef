import type { CallSite } from './call-site.js';
import type { AcquireRequest, PooledConnection } from './connection-pool.js';
import type { TenantShare, Waiter } from './fair-queue.js';

/** A caller waiting for a connection, and the promise and signal that end its wait. */
export class PoolWaiter implements Waiter {
  private onAbort: (() => void) | undefined;

  constructor(
    readonly request: AcquireRequest,
    readonly since: number,
    /** Where a lease was requested. */
    readonly site: CallSite | undefined,
    private readonly resolvePromise: (connection: PooledConnection) => void,
    private readonly rejectPromise: (reason: unknown) => void,
  ) {}

  get tenantId(): string {
    return this.request.tenantId;
  }

  get share(): TenantShare {
    return this.request.share;
  }

  get allowsSharing(): boolean {
    return this.request.allowsSharing === true;
  }

  get signal(): AbortSignal | undefined {
    return this.request.signal;
  }

  /** @param onAbort called with the signal's reason; replaces an earlier callback */
  watchSignal(onAbort: (reason: unknown) => void): void {
    this.unwatch();
    const { signal } = this;
    if (!signal) return;
    this.onAbort = () => onAbort(signal.reason);
    signal.addEventListener('abort', this.onAbort);
  }

  resolve(connection: PooledConnection): void {
    this.unwatch();
    this.resolvePromise(connection);
  }

  reject(reason: unknown): void {
    this.unwatch();
    this.rejectPromise(reason);
  }

  private unwatch(): void {
    if (this.onAbort) this.signal?.removeEventListener('abort', this.onAbort);
    this.onAbort = undefined;
  }
}
