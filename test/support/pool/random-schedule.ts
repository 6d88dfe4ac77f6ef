import { expect } from '@jest/globals';
import type { PooledConnection } from '../../../src/database/pool/connection-pool.js';
import { ServerBudget } from '../../../src/database/budget/server-budget.js';
import { pick, seededRandom } from '../statements/seeded-random.js';
import type { Backends } from '../postgres/backends.js';
import { ManualClock } from '../manual-clock.js';
import { soon } from '../load/soon.js';
import type { TenantDatabase } from '../postgres/tenant-database.js';
import { TestPool } from './test-pool.js';

const SIZE = 3;
const OVERFLOW = 2;
/** Less than the sizes of the two pools together. */
const LIMIT = 5;
/** So short that it often ends while a connection is being opened. */
const TIMEOUT_MS = 15;
const SHARE = { maxConcurrent: 2, maxQueued: 0 };
const TENANTS = ['a', 'b', 'c'];
/** After this many steps everything is released and counted. */
const ROUND = 250;

interface PendingAcquire {
  readonly pool: TestPool;
  readonly stop: AbortController;
}

interface Held {
  readonly pool: TestPool;
  readonly connection: PooledConnection;
}

export interface ScheduleTally {
  readonly steps: number;
  readonly served: number;
  readonly timedOut: number;
  readonly cancelled: number;
  readonly busy: number;
  readonly killed: number;
  readonly closedForOthers: number;
  /** Other errors by code or message. */
  readonly otherwise: Record<string, number>;
}

/**
 * Acquires, releases, cancels, times out, breaks and kills in an order that the seed decides, over two pools that share
 * a limit. After every step the counters must agree with what the callers know, and after every round with the server.
 */
export class RandomSchedule {
  private readonly random: () => number;
  private readonly clock = new ManualClock();
  private readonly budget = new ServerBudget(LIMIT, this.clock.now);
  private readonly pools: readonly TestPool[];
  private readonly pending = new Set<PendingAcquire>();
  private readonly held: Held[] = [];
  private readonly outcomes = new Map<string, number>();
  private readonly inUse = new WeakSet<PooledConnection>();
  private killed = 0;

  constructor(
    seed: number,
    databases: readonly TenantDatabase[],
    private readonly backends: Backends,
  ) {
    this.random = seededRandom(seed);
    const options = { size: SIZE, maxOverflow: OVERFLOW, timeoutMs: TIMEOUT_MS, recycleSeconds: 60 };
    this.pools = databases.map(
      ({ target }) => new TestPool(target, options, { budget: this.budget, now: this.clock.now, random: this.random }),
    );
  }

  async run(steps: number): Promise<ScheduleTally> {
    this.backends.watch();
    for (let step = 1; step <= steps; step += 1) {
      await this.step();
      await new Promise(setImmediate);
      this.expectCountersAgree();
      if (step % ROUND === 0) await this.expectTruth();
    }
    await this.expectTruth();
    for (const pool of this.pools) await pool.end();
    expect((await this.backends.stopWatching()).most).toBeLessThanOrEqual(LIMIT);
    expect([this.budget.open, this.budget.waiting]).toEqual([0, 0]);
    return this.tally(steps);
  }

  private async step(): Promise<void> {
    const dice = this.random();
    if (dice < 0.45) this.acquire();
    else if (dice < 0.75) this.release();
    else if (dice < 0.85) this.cancel();
    else if (dice < 0.92) this.use();
    else if (dice < 0.95) await this.kill();
    else if (dice < 0.99) this.clock.advance(this.random() * 5_000);
    else await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS * this.random()));
  }

  private acquire(): void {
    const pool = pick(this.random, this.pools);
    const acquire = { pool, stop: new AbortController() };
    this.pending.add(acquire);
    const hold = this.random() < 0.5 ? 'lease' : 'statement';
    pool.acquire({ tenantId: pick(this.random, TENANTS), share: SHARE, hold, signal: acquire.stop.signal }).then(
      (connection) => {
        this.pending.delete(acquire);
        this.held.push({ pool, connection });
        this.count('served');
      },
      (error: Error & { code?: unknown }) => {
        this.pending.delete(acquire);
        this.count(typeof error.code === 'string' ? error.code : error.message);
      },
    );
  }

  private release(): void {
    const [held] = this.held.splice(Math.floor(this.random() * this.held.length), 1);
    if (!held) return;
    const dice = this.random();
    if (dice < 0.1) held.connection.release('a caller says so');
    else held.connection.release();
    if (dice > 0.95) held.connection.release(); // a no-op
  }

  private cancel(): void {
    if (this.pending.size === 0) return;
    pick(this.random, [...this.pending]).stop.abort(new Error('cancelled'));
  }

  /** The connection may be released during the statement, or with a transaction open. */
  private use(): void {
    const unused = this.held.filter(({ connection }) => !this.inUse.has(connection));
    if (unused.length === 0) return;
    const { connection } = pick(this.random, unused);
    this.inUse.add(connection);
    const text = this.random() < 0.3 ? 'BEGIN' : 'SELECT pg_sleep(0.001)';
    connection.client.query(text).then(
      () => this.inUse.delete(connection),
      () => this.count('broken'),
    );
  }

  private async kill(): Promise<void> {
    const pids = await this.backends.pids();
    if (pids.length === 0) return;
    this.killed += 1;
    await this.backends.terminate(pick(this.random, pids));
  }

  private expectCountersAgree(): void {
    for (const pool of this.pools) {
      const { total, busy, idle, waiting } = pool.counts();
      const held = this.held.filter((one) => one.pool === pool).length;
      expect(waiting).toBe([...this.pending].filter((one) => one.pool === pool).length);
      expect(busy).toBeLessThanOrEqual(held); // some of the held ones were killed
      expect(busy + idle).toBeLessThanOrEqual(total);
      expect(total).toBeLessThanOrEqual(SIZE + OVERFLOW);
    }
    expect(this.budget.open).toBe(this.pools.reduce((sum, pool) => sum + pool.counts().total, 0));
    expect(this.budget.open).toBeLessThanOrEqual(LIMIT);
  }

  /** Releases everything, waits until the pools are idle, and compares their counters with the server. */
  private async expectTruth(): Promise<void> {
    await soon(async () => {
      for (const { connection } of this.held.splice(0)) connection.release();
      expect(this.pending.size).toBe(0);
      expect(this.held).toEqual([]);
    });
    await soon(async () => {
      const counts = this.pools.map((pool) => pool.counts());
      for (const { total, idle, ...rest } of counts) {
        expect(rest).toEqual({ busy: 0, waiting: 0 });
        expect(total).toBe(idle);
      }
      const total = counts.reduce((sum, one) => sum + one.total, 0);
      expect(await this.backends.count()).toBe(total);
      expect([this.budget.open, this.budget.waiting]).toEqual([total, 0]);
      for (const pool of this.pools) expect(pool.openLeases()).toEqual([]);
    });
  }

  private count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  private tally(steps: number): ScheduleTally {
    const {
      served = 0,
      POOL_TIMEOUT = 0,
      TENANT_BUSY = 0,
      cancelled = 0,
      ...otherwise
    } = Object.fromEntries(this.outcomes);
    const closedForOthers = this.pools.reduce((sum, pool) => sum + (pool.snapshot().closed['server-limit'] ?? 0), 0);
    return {
      ...{ steps, served, timedOut: POOL_TIMEOUT, cancelled, busy: TENANT_BUSY },
      ...{ killed: this.killed, closedForOthers, otherwise },
    };
  }
}
