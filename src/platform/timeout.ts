import { setImmediate } from 'node:timers';

/** Raised when a promise did not settle in time. */
export class DeadlineError extends Error {
  constructor(readonly timeoutMs: number) {
    super(`no response within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
  }
}

/**
 * Settles like `work`, or rejects after `timeoutMs`. A later result is discarded; `work` is not cancelled.
 *
 * When this process was blocked for that long, the response may already be waiting in a socket, and the other side
 * would be blamed wrongly. So sockets are read once more before giving up: timers run before the event loop reads
 * sockets, `setImmediate` callbacks after it.
 *
 * @throws DeadlineError
 */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => setImmediate(() => reject(new DeadlineError(timeoutMs))), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
