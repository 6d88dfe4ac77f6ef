import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { AdaptiveLimit } from '../../../../src/database/budget/adaptive-limit.js';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function stepsIn(ms: number, limit: AdaptiveLimit): number {
  const before = limit.current;
  jest.advanceTimersByTime(ms);
  return limit.current - before;
}

it('a refused connection lowers the limit to what there is, and it rises step by step to what was configured', () => {
  const seen: number[] = [];
  const limit: AdaptiveLimit = new AdaptiveLimit(10, () => seen.push(limit.current));
  limit.lower(7);
  expect([limit.current, limit.isLowered]).toEqual([7, true]);
  jest.advanceTimersByTime(60_000);
  expect(seen).toEqual([8, 9, 10]);
  expect(limit.isLowered).toBe(false);
});

it('connections refused at the same time count as one refusal', () => {
  const limit = new AdaptiveLimit(10, () => undefined);
  const once = new AdaptiveLimit(10, () => undefined);
  for (const held of [7, 6, 5]) limit.lower(held);
  once.lower(5);
  expect(limit.current).toBe(5);
  expect(stepsIn(600, limit)).toBe(stepsIn(600, once));
});

it('refusals in a row make it rise more slowly', () => {
  const patient = new AdaptiveLimit(100, () => undefined);
  for (let round = 0; round < 5; round += 1) {
    patient.lower(5);
    while (patient.current === 5) jest.advanceTimersByTime(50);
  }
  patient.lower(5);
  const fresh = new AdaptiveLimit(100, () => undefined);
  fresh.lower(5);
  expect(stepsIn(1_500, patient)).toBeLessThan(stepsIn(1_500, fresh));
});

it('it leaves headroom, but does not take the last connection', () => {
  const limits = [5, 1, 0].map((held) => {
    const limit = new AdaptiveLimit(10, () => undefined, 2);
    limit.lower(held);
    return limit.current;
  });
  expect(limits).toEqual([3, 1, 0]);
});
