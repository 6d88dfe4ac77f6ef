import { describe, expect, it } from '@jest/globals';
import { RecentUsageWindow } from '../../../../src/tenant/usage/recent-usage.js';
import { noRequestTimes } from '../../../../src/tenant/usage/request-times.js';
import { noUsage, type UsageFigures } from '../../../../src/tenant/usage/usage-figures.js';

function usage(requests: number, durationMs: number): UsageFigures {
  return { ...noUsage(), requests, durationMs };
}

function counted(usageOf: Readonly<Record<string, UsageFigures>>, endedAt: number) {
  return { usage: new Map(Object.entries(usageOf)), times: noRequestTimes(), endedAt };
}

describe('what was used in the last minute', () => {
  it('is added up per tenant, and forgotten after a minute', () => {
    const recent = new RecentUsageWindow();
    recent.add(counted({ a: usage(1, 10) }, 0));
    recent.add(counted({ a: usage(2, 5) }, 30_000));
    expect(recent.busiest()).toEqual([{ tenantId: 'a', ...usage(3, 15) }]);
    expect(recent.totals()).toMatchObject(usage(3, 15));
    recent.add(counted({ b: usage(1, 1) }, 60_000));
    expect(recent.totals()).toMatchObject(usage(3, 6));
    expect(recent.busiest()).toEqual([
      { tenantId: 'a', ...usage(2, 5) },
      { tenantId: 'b', ...usage(1, 1) },
    ]);
    recent.add(counted({}, 90_000));
    expect(recent.busiest()).toEqual([{ tenantId: 'b', ...usage(1, 1) }]);
  });

  it('names a hundred tenants by time, those with the most requests as well, and no others', () => {
    const recent = new RecentUsageWindow();
    const slow = Array.from({ length: 150 }, (_, n) => [`slow-${n}`, usage(1, 1_000 + n)] as const);
    const many = Array.from({ length: 150 }, (_, n) => [`many-${n}`, usage(100 + n, 1)] as const);
    const inAnyOrder = [...many, ...slow].toSorted(([a], [b]) => a.localeCompare(b));
    recent.add(counted(Object.fromEntries(inAnyOrder), 0));
    const named = recent.busiest().map(({ tenantId }) => tenantId);
    const highest = (prefix: string): string[] => Array.from({ length: 100 }, (_, n) => `${prefix}-${149 - n}`);
    expect(named).toEqual([...highest('slow'), ...highest('many')]);
  });
});
