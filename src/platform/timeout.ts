import { setImmediate } from 'node:timers';

const LATE = Symbol('late');

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
  const result = await raceTimer(work, timeoutMs);
  if (result === LATE) throw new DeadlineError(timeoutMs);
  return result;
}

/** Waits for `work`, for `timeoutMs` at most. Returns whether it was done by then; rejects as `work` does. */
export async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  return (await raceTimer(work, timeoutMs)) !== LATE;
}

async function raceTimer<T>(work: Promise<T>, timeoutMs: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => setImmediate(() => resolve(LATE)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
