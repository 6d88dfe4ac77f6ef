import { describe, expect, it } from '@jest/globals';
import { newUsage } from '../../../../src/database/statements/usage.js';
import { Registry } from 'prom-client';
import { TenantMetrics } from '../../../../src/metrics/tenant-metrics.js';
import { MAX_SERIES, OTHER, TopSeries } from '../../../../src/metrics/series/top-series.js';
import { costGrowth } from '../../../support/load/cpu-cost.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { Exposition } from '../../../support/metrics/exposition.js';

const MINUTE = 60_000;
const NOTHING = { ...newUsage(), statements: 0, waitMs: 0 };

const names = (count: number, prefix = 'tenant'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

describe('the metrics of 10,000 tenants', () => {
  it('have a series for each of the busiest tenants and one for all others, with nothing lost', async () => {
    const registry = new Registry();
    const metrics = new TenantMetrics(registry);
    const tenants = names(10_000);
    for (const tenant of tenants)
      for (let n = 0; n < 3; n += 1) metrics.record(tenant, { ...newUsage(), statements: 2, waitMs: 500 });
    const page = new Exposition(await registry.metrics());
    const sums = { requests_total: 30_000, statements_total: 60_000, wait_seconds_total: 15_000 };
    for (const [name, sum] of Object.entries(sums)) {
      const series = page.named(`tenantry_tenant_${name}`);
      expect([name, series.length]).toEqual([name, MAX_SERIES + 1]);
      expect(series.reduce((total, { value }) => total + value, 0)).toBeCloseTo(sum);
    }
  });

  it('do not grow in number while the busiest tenants keep changing', async () => {
    const clock = new ManualClock();
    const series = new TopSeries(() => ({ count: 0 }), clock.now);
    for (let round = 0; round < 50; round += 1) {
      for (const name of names(200, `round-${round}`)) series.countsFor(name, 1 + round).count += 1;
      clock.advance(2 * MINUTE);
      expect(series.entries().length).toBeLessThanOrEqual(MAX_SERIES + 1);
    }
  });

  it('are re-ranked in time close to linear in the number of tenants', () => {
    const growth = costGrowth(2_000, 8, (count) => {
      const clock = new ManualClock();
      const series = new TopSeries(() => ({ count: 0 }), clock.now);
      for (const name of names(count)) series.countsFor(name, 5);
      clock.advance(MINUTE);
      return () => void series.countsFor('tenant-0', 1);
    });
    expect(growth).toBeLessThan(3 * 8); // quadratic: 64
  });
});

describe('the metric series of a tenant', () => {
  const counting = (clock: ManualClock) => {
    const series = new TopSeries(() => ({ count: 0 }), clock.now);
    const request = (name: string, times = 1): void => {
      for (let n = 0; n < times; n += 1) series.countsFor(name, 1).count += 1;
    };
    const shown = (name: string): number | undefined => new Map(series.entries()).get(name)?.count;
    return { request, shown };
  };

  it('starts at its first request while there is room, and stays after a long idle time', () => {
    const clock = new ManualClock();
    const { request, shown } = counting(clock);
    request('acme', 3);
    clock.advance(600 * MINUTE);
    request('globex');
    expect([shown('acme'), shown('globex'), shown(OTHER)]).toEqual([3, 1, 0]);
  });

  it('replaces that of a less busy tenant, which is counted under "other" from then on', () => {
    const clock = new ManualClock();
    const { request, shown } = counting(clock);
    for (const name of names(MAX_SERIES - 1)) request(name, 100);
    request('quiet', 7);
    request('rising', 50);
    expect([shown('quiet'), shown('rising'), shown(OTHER)]).toEqual([7, undefined, 50]);
    clock.advance(MINUTE);
    request('rising', 4);
    request('quiet', 2);
    // Earlier work of either tenant is not moved between series: no series decreases or jumps.
    expect([shown('quiet'), shown('rising'), shown(OTHER)]).toEqual([undefined, 4, 52]);
  });

  it('is not replaced by that of a tenant that is hardly busier', () => {
    const clock = new ManualClock();
    const { request, shown } = counting(clock);
    for (const name of names(MAX_SERIES)) request(name, 100);
    request('rival', 120);
    clock.advance(MINUTE);
    request('rival');
    expect(shown('rival')).toBeUndefined();
    request('rival', 100);
    clock.advance(MINUTE);
    request('rival');
    expect(shown('rival')).toBe(1);
  });

  it('can be replaced later, because old work counts less than new work', () => {
    const clock = new ManualClock();
    const { request, shown } = counting(clock);
    for (const name of names(MAX_SERIES)) request(name, 1_000);
    clock.advance(30 * MINUTE);
    request('rising', 100);
    clock.advance(MINUTE);
    request('rising', 100);
    expect(shown('rising')).toBe(100);
  });

  it('is not duplicated when the tenant is called "other"', async () => {
    const registry = new Registry();
    const metrics = new TenantMetrics(registry);
    metrics.record(OTHER, NOTHING);
    metrics.record('acme', NOTHING);
    const page = new Exposition(await registry.metrics());
    expect(page.value('tenantry_tenant_requests_total', { tenant: OTHER })).toBe(1);
  });
});
