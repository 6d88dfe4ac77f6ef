import { expect } from '@jest/globals';
import { type Backends, expectStillWorks } from '../postgres/backends.js';
import { soon } from './soon.js';
import type { TestPool } from '../pool/test-pool.js';

interface Outcome {
  readonly error: unknown;
  readonly tookMs: number;
}

/** Callers that keep asking one pool, before, during and after a fault. */
export class FaultLoad {
  readonly outcomes: Outcome[] = [];
  private stopped = false;
  private readonly workers: Promise<void>[];

  constructor(
    private readonly pool: TestPool,
    callers: number,
  ) {
    this.workers = Array.from({ length: callers }, () => this.work());
  }

  get served(): number {
    return this.outcomes.filter(({ error }) => error === undefined).length;
  }

  get failed(): number {
    return this.outcomes.length - this.served;
  }

  get longestMs(): number {
    return Math.max(...this.outcomes.map(({ tookMs }) => tookMs));
  }

  /** Until so many more statements were served; within 5 s, which is how soon everything recovers by itself. */
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
      const startedAt = performance.now();
      const error = await this.statement().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      this.outcomes.push({ error, tookMs: performance.now() - startedAt });
      await new Promise(setImmediate); // what fails at once must not keep everybody else from running
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

/** What a fault may do: break statements that ran, delay callers up to their deadline, and nothing to another target. */
export interface FaultBounds {
  readonly pool: TestPool;
  readonly atOnce: number;
  readonly backends: Pick<Backends, 'count'>;
  /** The deadline of the wait and of the statement together, in ms. */
  readonly deadlineMs: number;
  readonly other: TestPool;
}

/** Runs a fault under load and asserts what holds for every fault. Twice as many callers as there are connections, so that some wait whatever happens. */
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
  expect(load.longestMs).toBeLessThan(bounds.deadlineMs + 1_000);
  expect(others.failed).toBe(0);
  expect(others.served).toBeGreaterThan(0);
  expect(bounds.pool.leases.all()).toEqual([]);
  await expectStillWorks(bounds.pool, bounds.atOnce, bounds.backends);
  return load;
}
