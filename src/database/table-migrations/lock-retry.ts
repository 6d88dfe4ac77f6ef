import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';

/** lock_not_available and deadlock_detected: the statement did nothing, and may be let through later. */
const LOCK_FAILURES: ReadonlySet<string | undefined> = new Set(['55P03', '40P01']);

const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5_000;

export interface LockRetryOptions {
  /** How often it is tried altogether. */
  readonly attempts: number;
  /** Ends the pauses. */
  readonly signal?: AbortSignal | undefined;
  /** Told before the pause after attempt number `attempt`, counted from 1. */
  readonly onRetry?: ((attempt: number, error: Error) => void) | undefined;
}

/** Tries again what did not get its locks, after pauses that grow: in them, whoever uses the tables is let through. */
export class LockRetry {
  constructor(private readonly options: LockRetryOptions) {}

  /**
   * @param mayRepeat asked after a failure whether trying again does no harm
   * @throws what `work` threw last, or the signal's reason
   */
  async run<T>(work: () => Promise<T>, mayRepeat: () => boolean): Promise<T> {
    const { attempts, signal, onRetry } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        signal?.throwIfAborted();
        const failure = lockFailure(error);
        if (!failure || attempt >= attempts || !mayRepeat()) throw error;
        onRetry?.(attempt, failure);
      }
      await pause(pauseMs(attempt), signal);
    }
  }
}

/** PostgreSQL's refusal when it is about locks; undefined when it is not. */
export function lockFailure(error: unknown): pg.DatabaseError | undefined {
  const cause = driverError(error);
  return cause instanceof pg.DatabaseError && LOCK_FAILURES.has(cause.code) ? cause : undefined;
}

/** What the driver threw. TypeORM wraps it in an error that carries the parameters. */
export function driverError(error: unknown): unknown {
  return error instanceof QueryFailedError ? error.driverError : error;
}

/** @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal && { signal });
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
}

/** Doubled each time, and different for each of those who wait for the same lock: half of it is random. */
function pauseMs(attempt: number): number {
  const most = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return most / 2 + (Math.random() * most) / 2;
}
