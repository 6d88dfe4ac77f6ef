import { expect, it } from '@jest/globals';
import { RoundTrip, roundTripTo } from '../../../../src/database/connection/round-trip.js';

it('a round trip is the shortest one measured lately, so that a busy server is not taken for a distant one', () => {
  const roundTrip = new RoundTrip();
  expect(roundTrip.ms).toBe(0);
  for (const [ms, now] of [
    [80, 0],
    [5, 1_000],
    [300, 2_000],
  ] as const)
    roundTrip.record(ms, now);
  expect(roundTrip.ms).toBe(5);
});

it('a server that is further away from now on is noticed', () => {
  const roundTrip = new RoundTrip();
  roundTrip.record(1, 0);
  for (let now = 1_000; now <= 12_000; now += 1_000) roundTrip.record(200, now);
  expect(roundTrip.ms).toBe(200);
});

it('it is measured once a second, over all connections to the address', () => {
  const address = { host: 'database.invalid', port: 1 };
  expect(roundTripTo(address).isDue(5_000)).toBe(true);
  expect(roundTripTo(address).isDue(5_999)).toBe(false);
  expect(roundTripTo(address).isDue(6_000)).toBe(true);
});
