import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import {
  type PoolSnapshot,
  type ServerSnapshot,
  WAIT_BUCKETS_MS,
} from '../../../../src/database/pool/pool-statistics.js';
import { PoolMetrics } from '../../../../src/metrics/pools/pool-metrics.js';
import { targetLabel } from '../../../../src/metrics/pools/pool-activity.js';
import { MAX_SERIES, OTHER } from '../../../../src/metrics/series/top-series.js';
import { costGrowth } from '../../../support/load/cpu-cost.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { Exposition } from '../../../support/metrics/exposition.js';

const SERVER: ServerSnapshot = { server: 'default', limit: 90, open: 3, waiting: 1 };

function pool(database: string, served: number, more: Partial<PoolSnapshot> = {}): PoolSnapshot {
  const counts = [served, ...WAIT_BUCKETS_MS.map(() => 0)];
  return {
    target: `app@db.internal:5432/${database}`,
    total: 1,
    busy: 0,
    idle: 1,
    waiting: 0,
    waits: { counts, totalMs: served / 2 },
    opened: 1,
    openFailures: 0,
    closed: {},
    timeouts: 0,
    refused: 0,
    fallbacks: 0,
    resent: 0,
    breaker: 'closed',
    ...more,
  };
}

/** Metrics over pools whose state a test sets. */
function scraping(now?: () => number) {
  const registry = new Registry();
  let pools: readonly PoolSnapshot[] = [];
  const source: Pick<ConnectionPools, 'snapshot'> = { snapshot: () => ({ pools, servers: [SERVER] }) };
  const metrics = new PoolMetrics(registry, source as ConnectionPools, now);
  const set = (current: readonly PoolSnapshot[]): void => void (pools = current);
  const scrape = async (current: readonly PoolSnapshot[]): Promise<Exposition> => {
    set(current);
    metrics.refresh();
    return new Exposition(await registry.metrics());
  };
  return { metrics, set, scrape };
}

const label = (database: string): { target: string } => ({ target: targetLabel(`app@db.internal:5432/${database}`) });
const other = { target: OTHER };

describe('the metrics of 10,000 pools', () => {
  const many = (served: number, count = 10_000): PoolSnapshot[] =>
    Array.from({ length: count }, (_, n) => pool(`db_${n}`, served));

  it('have a series for each of the busiest targets and one for all others, with nothing lost', async () => {
    const page = await scraping().scrape(many(4));
    const perTarget = page.series.filter(({ labels }) => labels['target'] !== undefined);
    expect(new Set(perTarget.map(({ labels }) => labels['target'])).size).toBe(MAX_SERIES + 1);
    const sum = (name: string): number => page.named(name).reduce((total, { value }) => total + value, 0);
    expect(sum('tenantry_pool_wait_seconds_count')).toBe(40_000);
    expect(sum('tenantry_pool_opened_total')).toBe(10_000);
    expect(sum('tenantry_pool_connections')).toBe(10_000);
    expect(page.value('tenantry_pool_breaker', { ...other, state: 'closed' })).toBe(10_000 - MAX_SERIES);
  });

  it('are refreshed in time linear in the number of pools', () => {
    const growth = costGrowth(1_000, 8, (count) => {
      const { metrics, set } = scraping();
      set(many(4, count));
      metrics.refresh();
      set(many(5, count));
      return () => metrics.refresh();
    });
    expect(growth).toBeLessThan(3 * 8); // quadratic: 64
  });
});

describe('the metric series of a target', () => {
  it('show its counters, and its waits as a cumulative histogram in seconds', async () => {
    const counts = [5, 0, 2, ...WAIT_BUCKETS_MS.slice(2).map(() => 0)];
    counts[WAIT_BUCKETS_MS.length] = 1;
    const busy = pool('acme', 0, {
      ...{ total: 6, busy: 3, idle: 1, waiting: 4, opened: 9, openFailures: 2, timeouts: 3, refused: 5, fallbacks: 1 },
      waits: { counts, totalMs: 42_000 },
      closed: { recycled: 2, discarded: 1 },
      breaker: 'half-open',
    });
    const page = await scraping().scrape([busy]);
    const acme = label('acme');
    const value = (name: string, labels = {}): number => page.value(`tenantry_pool_${name}`, { ...acme, ...labels });
    expect([value('connections', { state: 'busy' }), value('connections', { state: 'idle' })]).toEqual([3, 1]);
    expect([value('connections', { state: 'pending' }), value('waiting')]).toEqual([2, 4]);
    expect([value('opened_total'), value('open_failures_total'), value('timeouts_total')]).toEqual([9, 2, 3]);
    expect([value('refused_total'), value('fallbacks_total')]).toEqual([5, 1]);
    expect([value('closed_total', { reason: 'recycled' }), value('closed_total', { reason: 'discarded' })]).toEqual([
      2, 1,
    ]);
    const breaker = ['closed', 'open', 'half-open'].map((state) => value('breaker', { state }));
    expect(breaker).toEqual([0, 0, 1]);
    const buckets = ['0.001', '0.002', '0.005', '30', '+Inf'].map((le) => value('wait_seconds_bucket', { le }));
    expect(buckets).toEqual([5, 5, 7, 7, 8]);
    expect([value('wait_seconds_sum'), value('wait_seconds_count')]).toEqual([42, 8]);
    expect(page.types.get('tenantry_pool_wait_seconds')).toBe('histogram');
  });

  it('never decrease when its pool is replaced by one that starts at zero', async () => {
    const { scrape } = scraping();
    await scrape([pool('acme', 10)]);
    const page = await scrape([pool('acme', 3)]);
    expect(page.value('tenantry_pool_wait_seconds_count', label('acme'))).toBe(13);
    expect(page.value('tenantry_pool_opened_total', label('acme'))).toBe(2);
  });

  it('become its own when its pool fails, even when the limit of series is reached', async () => {
    const clock = new ManualClock();
    const { scrape } = scraping(clock.now);
    const healthy = Array.from({ length: MAX_SERIES }, (_, n) => pool(`db_${n}`, 50));
    await scrape([...healthy, pool('failing', 1)]);
    const failing = pool('failing', 1, { openFailures: 3, breaker: 'open' });
    const before = await scrape([...healthy, failing]);
    expect(before.value('tenantry_pool_breaker', { ...other, state: 'open' })).toBe(1);
    clock.advance(60_000);
    const after = await scrape([...healthy, failing]);
    expect(after.value('tenantry_pool_breaker', { ...label('failing'), state: 'open' })).toBe(1);
    expect(after.value('tenantry_pool_breaker', { ...other, state: 'open' })).toBe(0);
  });
});

describe('the label of a target', () => {
  it('names its database and distinguishes servers, without a host or a role', () => {
    const names = ['a@one:5432/app_shared', 'a@two:5432/app_shared', 'b@one:5432/app_shared'].map(targetLabel);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^app_shared-[0-9a-f]{4}$/);
  });
});

it('the metrics of a server show its connection limit', async () => {
  const page = await scraping().scrape([]);
  const of = (figure: string): number => page.value(`tenantry_server_connections_${figure}`, { server: 'default' });
  expect([of('limit'), of('open'), of('waiting')]).toEqual([90, 3, 1]);
});
