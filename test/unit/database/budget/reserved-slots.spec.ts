import { beforeEach, describe, expect, it } from '@jest/globals';
import { type BudgetMember, ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { ManualClock } from '../../../support/manual-clock.js';

/** A pool that takes every slot it can get; its connections close when the test says so. */
class GreedyPool implements BudgetMember {
  held = 0;
  busy = 0;
  private closing = 0;
  readonly waitingSince = 0;

  constructor(private readonly budget: ServerBudget) {
    budget.join(this);
  }

  take(count: number): this {
    for (let n = 0; n < count; n += 1) if (this.budget.request(this)) this.onGranted();
    return this;
  }

  onGranted(): boolean {
    this.held += 1;
    this.busy += 1;
    return true;
  }

  get idle(): number {
    return this.held - this.busy - this.closing;
  }

  get idleSince(): number | undefined {
    return this.idle > 0 ? 0 : undefined;
  }

  /** Callers release connections; those that the budget needs elsewhere are closed. */
  release(count: number): this {
    for (let n = 0; n < count; n += 1) {
      this.busy -= 1;
      if (this.budget.isNeededElsewhere(this)) this.closing += 1;
    }
    return this;
  }

  closeLongestIdle(): boolean {
    if (this.idleSince === undefined) return false;
    this.closing += 1;
    return true;
  }

  finishClosing(): void {
    while (this.closing > 0) {
      this.closing -= 1;
      this.held -= 1;
      this.budget.release();
    }
  }
}

const LIMIT = 10;
let clock: ManualClock;
let budget: ServerBudget;
let pool: GreedyPool;

beforeEach(() => {
  clock = new ManualClock();
  budget = new ServerBudget(LIMIT, clock.now);
  pool = new GreedyPool(budget);
});

describe('slots reserved in a budget', () => {
  it('are lent to pools, but for those that are kept', () => {
    budget.reserve({ kept: 1, max: 4 });
    pool.take(20);
    expect(pool.held).toBe(LIMIT - 1);
  });

  it('are there at once when they are kept, however full the server is', () => {
    const slots = budget.reserve({ kept: 1, max: 4 });
    pool.take(20);
    slots.want(1);
    expect(slots.held).toBe(1);
  });

  it('are taken from idle connections at once, before any pool that waits', () => {
    const slots = budget.reserve({ kept: 1, max: 4 });
    pool.take(LIMIT - 1).release(LIMIT - 1);
    const waiting = new GreedyPool(budget).take(3);
    slots.want(3);
    expect(pool.idleSince).toBeDefined(); // only as many are closed as are needed
    pool.finishClosing();
    expect(slots.held).toBe(3);
    expect(pool.held + waiting.held + slots.held).toBeLessThanOrEqual(LIMIT);
  });

  it('are taken from busy connections as they are released', () => {
    const slots = budget.reserve({ kept: 0, max: 4 });
    pool.take(20);
    slots.want(2);
    expect(slots.held).toBe(0);
    pool.release(1).finishClosing();
    expect([slots.held, pool.held]).toEqual([1, LIMIT - 1]);
    pool.release(5).finishClosing();
    expect([slots.held, pool.held]).toEqual([2, LIMIT - 2]);
  });

  it('go back to waiting pools when they are given back, or no longer waited for', () => {
    const slots = budget.reserve({ kept: 0, max: 4 });
    slots.want(4);
    pool.take(20);
    expect(pool.held).toBe(LIMIT - 4);
    slots.want(1);
    expect(pool.held).toBe(LIMIT - 1);
    slots.want(3);
    slots.want(0);
    expect(pool.held).toBe(LIMIT);
  });

  it('are never more than their maximum, so that pools keep the rest', () => {
    const slots = budget.reserve({ kept: 1, max: 4 });
    slots.want(9);
    pool.take(20);
    expect([slots.held, pool.held]).toEqual([4, LIMIT - 4]);
  });

  it('of one kind of work do not take those that are kept for another', () => {
    const [catalog, admin] = [budget.reserve({ kept: 2, max: 20 }), budget.reserve({ kept: 1, max: 4 })];
    catalog.want(20);
    admin.want(1);
    expect([catalog.held, admin.held]).toEqual([LIMIT - 2, 1]); // and pools have one
  });

  it('that are kept do not wait for those that another kind of work waits for', () => {
    const [catalog, admin] = [budget.reserve({ kept: 0, max: 4 }), budget.reserve({ kept: 1, max: 4 })];
    pool.take(20);
    catalog.want(2);
    admin.want(1);
    expect([catalog.held, admin.held]).toEqual([0, 1]);
  });

  it('leave pools one slot, however low the limit is', () => {
    const slots = budget.reserve({ kept: LIMIT + 2, max: LIMIT + 2 });
    pool.take(2);
    expect(pool.held).toBe(1);
    slots.want(1);
    expect(slots.held).toBe(1);
  });

  it('never exceed the limit with those of pools, in any order of events', () => {
    const kinds = [budget.reserve({ kept: 1, max: 4 }), budget.reserve({ kept: 0, max: 2 })];
    const pools = [pool, new GreedyPool(budget)];
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const events = [
      () => pools[random(2)]!.take(1),
      () => pools.find(({ busy }) => busy > 0)?.release(1),
      () => pools[random(2)]!.finishClosing(),
      () => kinds[random(2)]!.want(random(6)),
    ];
    for (let turn = 0; turn < 5_000; turn += 1) {
      events[random(events.length)]!();
      clock.advance(random(30));
      const held = [...pools, ...kinds].reduce((sum, each) => sum + each.held, 0);
      expect(held).toBeLessThanOrEqual(LIMIT);
      expect(kinds[0]!.isWaiting && kinds[0]!.held === 0).toBe(false); // one is kept
    }
  });
});
