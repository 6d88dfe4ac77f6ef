import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { isLostConnection } from '../platform/postgres/lost-connection.js';
import { StartupInterruptedError, StartupTimeoutError } from './catalog.errors.js';

const RETRY_MS = 500;

/** The log context of what the start waits for. */
export const START_LOG = 'Start';

/** Aborted when the process is to stop while it waits. */
export const startupInterruption = new AbortController();

/**
 * Repeats what needs PostgreSQL at start while that is away, starting up, full, or a standby, for up to `waitMs`.
 *
 * @throws StartupTimeoutError, StartupInterruptedError; the error itself when it is of another kind, or with `waitMs` 0
 */
export async function withStartupWait<T>(waitMs: number, connect: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await connect();
    } catch (error) {
      if (waitMs === 0 || !isAway(error)) throw error;
      if (performance.now() - startedAt + RETRY_MS > waitMs) throw new StartupTimeoutError(waitMs, error);
      if (attempt === 1) new Logger(START_LOG).warn(`Waiting up to ${waitMs / 1000} s: ${(error as Error).message}`);
      await pause(error);
    }
  }
}

async function pause(reason: unknown): Promise<void> {
  try {
    await delay(RETRY_MS, undefined, { signal: startupInterruption.signal });
  } catch {
    throw new StartupInterruptedError(reason);
  }
}

function isAway(error: unknown): boolean {
  return isLostConnection(error) || isLostConnection((error as { cause?: unknown } | undefined)?.cause);
}
