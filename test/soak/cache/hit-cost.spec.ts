import { describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM, ShiftedClock } from '../../support/cache/cache-rig.js';

const ROUNDS = 60;
const PER_ROUND = 2_000;
const KEYS = Array.from({ length: 100 }, (_, n) => `tenant-${n}`);

/** Microseconds of one call of each: medians over rounds in turn, so that all of them meet the same noise. */
function costs(...works: ((key: string) => unknown)[]): number[] {
  const rounds = works.map((): number[] => []);
  for (let round = 0; round < ROUNDS * works.length; round += 1) {
    const which = round % works.length;
    rounds[which]?.push(costOfRound(works[which] as (key: string) => unknown));
  }
  return rounds.map((times) => times.toSorted((a, b) => a - b)[ROUNDS / 2] as number);
}

/** What was found last: without it the compiler would leave the work out. */
let found: unknown;

function costOfRound(work: (key: string) => unknown): number {
  const startedAt = performance.now();
  for (let n = 0; n < PER_ROUND; n += 1) found = work(KEYS[n % KEYS.length] as string);
  return ((performance.now() - startedAt) * 1_000) / PER_ROUND;
}

describe('a memory hit', () => {
  it('costs about as much as a Map lookup', async () => {
    const instance = (await CacheInstance.open({ clock: new ShiftedClock() })).listen();
    const map = new Map<string, object>();
    for (const key of KEYS) {
      instance.truth.write(key, key);
      map.set(`item:${key}`, (await instance.cache.getOrLoad(ITEM, key, instance.truth.loader(key))) as object);
    }
    const loader = instance.truth.loader('unused');
    const [ofMap = NaN, ofPeek = NaN, ofGet = NaN] = costs(
      (key) => map.get(`item:${key}`),
      (key) => instance.cache.peek(ITEM, key),
      (key) => instance.cache.getOrLoad(ITEM, key, loader),
    );
    expect(found).toBeInstanceOf(Promise);
    expect(ofPeek / ofMap).toBeLessThan(20);
    expect(ofGet / ofMap).toBeLessThan(40);
    expect(instance.cache.snapshot().misses).toBe(KEYS.length);
  });
});
