import type { ConnectionTarget } from '../connection/connection-target.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';
import { AdminConnectionTimeoutError } from './admin-connection.errors.js';
import type { AdminConnectionLimiter, AdminWaiter } from './admin-connection-limiter.js';

/**
 * Waits up to `timeoutMs` for a slot on the target's server.
 *
 * @returns an idle connection to the same database that comes with the slot; undefined when the caller must open one
 * @throws AdminConnectionTimeoutError, PoolEndedError, the signal's reason
 */
export function acquireSlot(
  limiter: AdminConnectionLimiter,
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
      onGranted: (connection) => {
        stopWatching();
        resolve(connection);
      },
      onFailed: (reason) => {
        stopWatching();
        reject(reason);
      },
    };
    const giveUp = (reason: unknown): void => {
      limiter.cancel(waiter);
      waiter.onFailed(reason);
    };
    const onAbort = (): void => giveUp(signal?.reason);
    const onTimeout = (): void =>
      giveUp(new AdminConnectionTimeoutError(target.server.id, limiter.busy, limiter.waiting, timeoutMs));
    const timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    limiter.enqueue(waiter);
  });
}
