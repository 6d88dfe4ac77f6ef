import { expect, it } from '@jest/globals';
import { MAX_EARLY_ENDS, Restarts } from '../../../../src/server/processes/restarts.js';

const AT_ONCE_MS = 100;
const LONG_MS = 3_600_000;

it('a worker that ends at once again and again is replaced later each time, and finally not any more', () => {
  const restarts = new Restarts();
  const delays = Array.from({ length: MAX_EARLY_ENDS }, () => restarts.delayAfter(AT_ONCE_MS));
  expect(delays).toEqual([2_500, 5_000, 10_000, 20_000, undefined]);
});

it('a worker that has lived for long is replaced soon, however often the slot was before', () => {
  const restarts = new Restarts();
  for (let end = 1; end < MAX_EARLY_ENDS; end += 1) restarts.delayAfter(AT_ONCE_MS);
  expect(restarts.delayAfter(LONG_MS)).toBe(2_500);
  expect(restarts.delayAfter(AT_ONCE_MS)).toBe(2_500);
});
