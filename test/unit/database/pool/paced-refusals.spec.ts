import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { PacedRefusals } from '../../../../src/database/pool/paced-refusals.js';

let refusals: PacedRefusals;
let passed: string[];

beforeEach(() => {
  jest.useFakeTimers();
  refusals = new PacedRefusals();
  passed = [];
});

afterEach(() => {
  jest.useRealTimers();
});

function refuse(tenantId: string, count: number): void {
  for (let n = 0; n < count; n += 1) refusals.refuse(tenantId, () => passed.push(tenantId));
}

it('a few refusals are passed on at once', () => {
  refuse('few', 50);
  expect(passed).toHaveLength(50);
});

it('those of a crowd are passed on at a bounded rate, and those of another tenant at once', () => {
  refuse('crowd', 1_000);
  const atOnce = passed.length;
  refuse('few', 1);
  expect(passed.at(-1)).toBe('few');
  jest.advanceTimersByTime(1_000);
  const inASecond = passed.length - atOnce - 1;
  expect([atOnce < 500, inASecond > 0, inASecond < 500]).toEqual([true, true, true]);
  jest.advanceTimersByTime(60_000);
  expect(passed).toHaveLength(1_001);
  expect(jest.getTimerCount()).toBe(0);
});

it('no more are held than a process can keep', () => {
  refuse('flood', 10_000);
  expect(passed.length).toBeGreaterThan(5_000);
});

it('a pool that ends passes all of them on', () => {
  refuse('crowd', 1_000);
  refusals.end();
  expect(passed).toHaveLength(1_000);
  expect(jest.getTimerCount()).toBe(0);
});
