import type pg from 'pg';
import { requestCancel } from '../connection/cancel-request.js';

/** A statement may be on its way to the server when the first request arrives. */
const REPEAT_MS = 100;

/**
 * Runs `work`, whose statements on these connections are cancelled when the signal aborts. When this settles, no request to
 * cancel is under way that could reach a later statement.
 *
 * @throws the signal's reason, or the work's error
 */
export async function interruptible<T>(
  clients: readonly pg.Client[],
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let requests: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    requests = requests.then(() => Promise.all(clients.map(requestCancel)));
  };
  const onAbort = (): void => {
    cancel();
    timer = setInterval(cancel, REPEAT_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearInterval(timer);
    await requests;
  }
}

/** Waits for all of them, also when one fails, and throws the first error. */
export async function allSettled<T extends readonly unknown[]>(work: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const results = await Promise.allSettled(work as readonly Promise<unknown>[]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
