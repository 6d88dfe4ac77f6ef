import { beforeEach, describe, expect, it } from '@jest/globals';
import { AddressBackoff } from '../../../../src/tenant/admin-key/address-backoff.js';

const ADDRESS = '192.0.2.1';

describe('the back-off of an address', () => {
  let now: number;
  let guesses = 0;
  let backoff: AddressBackoff;

  beforeEach(() => {
    now = 1_000_000;
    backoff = new AddressBackoff(() => now);
  });

  /** Tries `attempts` times; what is delayed does not fail. @returns how many were compared */
  function attack(attempts: number, address = ADDRESS): number {
    let compared = 0;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (backoff.remainingMs(address) > 0) continue;
      backoff.failed(address, `guess ${(guesses += 1)}`);
      compared += 1;
    }
    return compared;
  }

  it('begins with the tenth failure, for one second, and concerns no other address', () => {
    expect(attack(1000)).toBe(10);
    expect([backoff.remainingMs(ADDRESS), backoff.remainingMs('192.0.2.2')]).toEqual([1000, 0]);
  });

  it('does not begin when one and the same attempt is repeated', () => {
    const begun = Array.from({ length: 100 }, () => backoff.failed(ADDRESS, 'a wrong setting'));
    expect([begun.includes(true), backoff.remainingMs(ADDRESS)]).toEqual([false, 0]);
  });

  it('begins with a flood of one and the same attempt where repeats count', () => {
    const times = (count: number) => Array.from({ length: count }, () => backoff.failed(ADDRESS, 'a key', true));
    expect(times(901).indexOf(true)).toBe(900); // one failure, and one more each hundred repeats
    expect(backoff.remainingMs(ADDRESS)).toBe(1000);
  });

  it('does not begin when a client repeats one wrong key each second, for a day', () => {
    for (let second = 0; second < 86_400; second += 1) {
      now += 1_000;
      expect(backoff.failed(ADDRESS, 'a wrong setting', true)).toBe(false);
    }
  });

  it('is not prolonged by attempts during it', () => {
    attack(10);
    now += 600;
    attack(1000);
    expect(backoff.remainingMs(ADDRESS)).toBe(400);
  });

  it('lets a caller who waited for it in, however many others fail at its end', () => {
    attack(10);
    for (let round = 0; round < 10; round += 1) {
      now += backoff.remainingMs(ADDRESS);
      attack(100);
      now += 1_000; // Retry-After has whole seconds
      expect(backoff.remainingMs(ADDRESS)).toBe(0);
      now += 1_000;
      expect(backoff.remainingMs(ADDRESS)).toBeGreaterThan(0);
    }
  });

  it('doubles up to a minute', () => {
    attack(10);
    const delays = Array.from({ length: 8 }, () => {
      const delay = backoff.remainingMs(ADDRESS);
      now += delay;
      attack(1);
      now += 2_000;
      return delay;
    });
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('is forgotten after a quarter of an hour', () => {
    attack(10);
    now += 15 * 60_000;
    expect(attack(9)).toBe(9);
    expect(backoff.remainingMs(ADDRESS)).toBe(0);
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', 1000],
    ['2001:db8::1', '2001:db8:0:0:5::', 1000],
    ['::1', '::2', 1000],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', 0],
  ])('of %s leaves %s %i ms', (attacker, other, remaining) => {
    attack(10, attacker);
    expect(backoff.remainingMs(other)).toBe(remaining);
  });

  it('remembers the 10,000 addresses that failed last', () => {
    attack(10);
    for (let n = 0; n < 9_999; n += 1) backoff.failed(`10.0.${n >> 8}.${n & 255}`, 'guess');
    expect(backoff.remainingMs(ADDRESS)).toBe(1000);
    backoff.failed('10.1.0.0', 'guess');
    expect(backoff.remainingMs(ADDRESS)).toBe(0);
  });
});
