import type { ConnectionTarget } from '../connection/connection-target.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';
import { AdminConnectionTimeoutError } from './admin-connection.errors.js';
import type { AdminConnectionLimiter, AdminWaiter } from './admin-connection-limiter.js';

/**
 * Waits for a place on the target's server, `timeoutMs` at most. It comes with a connection to the same database that
 * was kept, or with none.
 *
 * @throws OwnerConnectionTimeoutError, PoolEndedError, the signal's reason
 */
export function acquireSlot(
  turns: AdminConnectionLimiter,
  target: ConnectionTarget,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<PhysicalConnection | undefined> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stopWatching = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const waiter: AdminWaiter = {
      target,
      onGranted: (kept) => {
        stopWatching();
        resolve(kept);
      },
      onFailed: (reason) => {
        stopWatching();
        reject(reason);
      },
    };
    const giveUp = (reason: unknown): void => {
      turns.cancel(waiter);
      waiter.onFailed(reason);
    };
    const onAbort = (): void => giveUp(signal?.reason);
    const onTimeout = (): void =>
      giveUp(new AdminConnectionTimeoutError(target.server.id, turns.busy, turns.waiting, timeoutMs));
    const timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    turns.enqueue(waiter);
  });
}
