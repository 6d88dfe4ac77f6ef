import { expect } from '@jest/globals';
import { type Backends, expectStillWorks } from '../postgres/backends.js';
import { soon } from './soon.js';
import type { TestPool } from '../pool/test-pool.js';

/** Callers that keep using one pool before, during and after a fault. */
export class FaultLoad {
  /** One per call: the error that it was rejected with, or undefined. */
  readonly outcomes: unknown[] = [];
  private stopped = false;
  private readonly workers: Promise<void>[];

  constructor(
    private readonly pool: TestPool,
    callers: number,
  ) {
    this.workers = Array.from({ length: callers }, () => this.work());
  }

  get served(): number {
    return this.outcomes.filter((error) => error === undefined).length;
  }

  get failed(): number {
    return this.outcomes.length - this.served;
  }

  /** Calls that waited for a connection until their deadline. */
  get timedOut(): number {
    return this.outcomes.filter((error) => (error as { code?: unknown } | undefined)?.code === 'POOL_TIMEOUT').length;
  }

  /** Waits until the given number of further statements has been served. */
  async servesAgain(statements = 20): Promise<void> {
    const goal = this.served + statements;
    await soon(async () => expect(this.served).toBeGreaterThanOrEqual(goal));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
  }

  private async work(): Promise<void> {
    while (!this.stopped) {
      const error = await this.statement().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      this.outcomes.push(error);
      await new Promise(setImmediate); // a caller that fails at once must not starve the others
    }
  }

  private async statement(): Promise<void> {
    const connection = await this.pool.acquire();
    try {
      await connection.client.query('SELECT pg_sleep(0.001)');
      connection.release();
    } catch (error) {
      connection.release('it failed');
      throw error;
    }
  }
}

/**
 * The limits of a fault: it may break running statements and delay callers up to their deadline; it must not affect
 * another target.
 */
export interface FaultBounds {
  readonly pool: TestPool;
  readonly atOnce: number;
  readonly backends: Pick<Backends, 'count'>;
  readonly other: TestPool;
}

/**
 * Runs a fault under load and asserts its limits. There are twice as many callers as connections, so that some always
 * wait.
 */
export async function survive(bounds: FaultBounds, fault: (load: FaultLoad) => Promise<void>): Promise<FaultLoad> {
  const load = new FaultLoad(bounds.pool, 2 * bounds.atOnce);
  const others = new FaultLoad(bounds.other, 2);
  try {
    await load.servesAgain();
    await fault(load);
    await load.servesAgain();
  } finally {
    await load.stop();
    await others.stop();
  }
  expect(others.failed).toBe(0);
  expect(others.served).toBeGreaterThan(0);
  expect(bounds.pool.openLeases()).toEqual([]);
  await expectStillWorks(bounds.pool, bounds.atOnce, bounds.backends);
  return load;
}
