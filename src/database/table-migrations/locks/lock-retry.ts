import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { driverError } from '../../../platform/postgres/driver-error.js';

/** lock_not_available and deadlock_detected: the statement had no effect, and may succeed later. */
const LOCK_FAILURES: ReadonlySet<string | undefined> = new Set(['55P03', '40P01']);

const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5_000;

export interface LockRetryOptions {
  /** Attempts in total, including the first. */
  readonly attempts: number;
  /** Ends a pause, and prevents further attempts. */
  readonly signal?: AbortSignal | undefined;
  /** Called before the pause after each failed attempt, which is counted from 1. */
  readonly onRetry?: ((attempt: number, error: Error) => void) | undefined;
}

/** Retries work that did not get its locks, after growing pauses in which the queries queued behind it can proceed. */
export class LockRetry {
  constructor(private readonly options: LockRetryOptions) {}

  /**
   * @param mayRetry called after a failure; whether repeating the work is safe
   * @throws the last error of `work`, or the signal's reason
   */
  async run<T>(work: () => Promise<T>, mayRetry: () => boolean): Promise<T> {
    const { attempts, signal, onRetry } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        signal?.throwIfAborted();
        const failure = lockFailure(error);
        if (!failure || attempt >= attempts || !mayRetry()) throw error;
        onRetry?.(attempt, failure);
      }
      await pause(pauseMs(attempt), signal);
    }
  }
}

/** PostgreSQL's error when a lock was not available; undefined for any other error. */
export function lockFailure(error: unknown): pg.DatabaseError | undefined {
  const cause = driverError(error);
  return cause instanceof pg.DatabaseError && LOCK_FAILURES.has(cause.code) ? cause : undefined;
}

/** @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal && { signal });
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
}

/** Doubles each time. Half of it is random, so that waiters for the same lock spread out. */
function pauseMs(attempt: number): number {
  const maxMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return maxMs / 2 + (Math.random() * maxMs) / 2;
}
