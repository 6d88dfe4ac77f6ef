import { setImmediate } from 'node:timers';

/** Raised when a promise did not settle in time. */
export class DeadlineError extends Error {
  constructor(readonly timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
  }
}

/**
 * The promise's outcome, or `DeadlineError` after `timeoutMs`. What comes later is dropped.
 *
 * When this process was busy for that long, the answer may lie in the socket unread, and it would be the other side that
 * gets the blame. So when the time is over, what has arrived is read before giving up: timers run before the event loop
 * reads sockets, `setImmediate` after it.
 */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => setImmediate(() => reject(new DeadlineError(timeoutMs))), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
