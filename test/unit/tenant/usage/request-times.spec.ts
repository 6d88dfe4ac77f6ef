import { describe, expect, it } from '@jest/globals';
import {
  addRequestTime,
  addRequestTimes,
  noRequestTimes,
  requestTimeWithin,
} from '../../../../src/tenant/usage/request-times.js';

function timesOf(durations: readonly number[]) {
  const times = noRequestTimes();
  for (const durationMs of durations) addRequestTime(times, durationMs);
  return times;
}

describe('the time within which a share of the requests was answered', () => {
  it('is within the class of the request that has this place', () => {
    const durations = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(requestTimeWithin(timesOf(durations), 0.95)).toBeCloseTo(95, 0);
    expect(requestTimeWithin(timesOf([4, 4, 4, 4_000]), 0.5)).toBeGreaterThan(3);
    expect(requestTimeWithin(timesOf([4, 4, 4, 4_000]), 0.5)).toBeLessThanOrEqual(5);
  });

  it('is the highest bound for longer ones, and unknown without requests', () => {
    expect(requestTimeWithin(timesOf([200_000]), 0.95)).toBe(60_000);
    expect(requestTimeWithin(noRequestTimes(), 0.95)).toBeNull();
  });

  it('is that of all instances once their classes are added', () => {
    const sum = timesOf([4]);
    addRequestTimes(sum, timesOf([400, 400, 400]));
    expect(requestTimeWithin(sum, 0.95)).toBeGreaterThan(300);
  });
});
