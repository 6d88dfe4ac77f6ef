import { beforeEach, expect, it } from '@jest/globals';
import { RequestLimiter } from '../../../../src/tenant/limits/request-limiter.js';
import type { RequestLimits } from '../../../../src/tenant/limits/request-limits.js';

const NOON = Date.UTC(2026, 0, 1, 12);
let now: number;
let wallMs: number;
let instances: number;
let limiter: RequestLimiter;
let fields: Record<string, string>;

beforeEach(() => {
  [now, wallMs, instances] = [0, NOON, 1];
  limiter = new RequestLimiter(
    undefined,
    () => instances,
    { now: () => now, wallMs: () => wallMs }, // without Redis: the share alone decides
  );
});

function isAdmitted(limits: RequestLimits, tenant = 'acme'): boolean {
  fields = {};
  try {
    void limiter.admit(tenant, limits, { header: (name, value) => void (fields[name] = value) });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: Number(fields['retry-after']) });
    return false;
  }
}

function admitted(limits: RequestLimits, requests: number): number {
  return Array.from({ length: requests }, () => isAdmitted(limits)).filter(Boolean).length;
}

it('admits all requests of a tenant without limits, and says nothing of them', () => {
  expect([isAdmitted({}), fields, limiter.byShare]).toEqual([true, {}, 0]);
});

it('admits a whole second at once, and on average no more than the limit from then on', () => {
  const limits = { requestsPerSecond: 20 };
  expect(admitted(limits, 30)).toBe(20);
  now = 999;
  expect(admitted(limits, 30)).toBe(0);
  let spread = 0;
  for (; now < 11_000; now += 5) spread += admitted(limits, 1);
  expect(spread).toBeGreaterThanOrEqual(199);
  expect(spread).toBeLessThanOrEqual(200);
  now += 1000;
  expect(admitted(limits, 30)).toBe(20); // unused seconds do not add up
  expect(limiter.refused.second).toBeGreaterThan(0);
});

it('each tenant has its own', () => {
  expect(admitted({ requestsPerSecond: 1 }, 2)).toBe(1);
  expect(isAdmitted({ requestsPerSecond: 1 }, 'hooli')).toBe(true);
});

it.each([
  [100, 3],
  [2, 3],
  [1, 4],
])('at %d requests per second, the share of one of %d instances is that part', (requestsPerSecond, count) => {
  instances = count;
  let total = 0;
  const seconds = 20;
  for (; now < seconds * 1000; now += 10) total += admitted({ requestsPerSecond }, 1);
  const share = (requestsPerSecond * seconds) / count;
  expect(total).toBeGreaterThanOrEqual(Math.floor(share));
  expect(total).toBeLessThanOrEqual(share * 1.05 + requestsPerSecond);
});

it('a change of the limit or of the instances admits no second burst', () => {
  expect(admitted({ requestsPerSecond: 10 }, 20)).toBe(10);
  expect(admitted({ requestsPerSecond: 12 }, 20)).toBe(0);
  instances = 2;
  expect(admitted({ requestsPerSecond: 12 }, 20)).toBe(0);
});

it('counts a day until midnight UTC, and a clock that jumps back admits no more', () => {
  const limits = { requestsPerDay: 3 };
  expect(admitted(limits, 5)).toBe(3);
  expect(fields).toMatchObject({ 'retry-after': '43200', ratelimit: '"day";r=0;t=43200' });
  wallMs -= 3_600_000;
  expect(admitted(limits, 5)).toBe(0);
  wallMs = NOON + 12 * 3_600_000;
  expect(admitted(limits, 5)).toBe(3);
  expect(limiter.refused).toEqual({ second: 0, day: 9 });
});

it('says what remains in the fields of the draft', () => {
  const limits = { requestsPerSecond: 10, requestsPerDay: 1000 };
  expect(isAdmitted(limits)).toBe(true);
  expect(fields).toEqual({
    'ratelimit-policy': '"second";q=10;w=1, "day";q=1000;w=86400',
    ratelimit: '"second";r=9;t=1, "day";r=999;t=43200',
  });
  expect(admitted(limits, 10)).toBe(9);
  expect(fields).toMatchObject({ ratelimit: '"second";r=0;t=1, "day";r=990;t=43200', 'retry-after': '1' });
});
