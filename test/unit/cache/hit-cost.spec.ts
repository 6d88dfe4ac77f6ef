import { describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM, ShiftedClock } from '../../support/cache-rig.js';

const ROUNDS = 60;
const PER_ROUND = 2_000;
const KEYS = Array.from({ length: 100 }, (_, n) => `tenant-${n}`);

/** Microseconds of one call: the median over rounds, so that what else the machine does is left out. */
function cost(work: (key: string) => unknown): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    for (let n = 0; n < PER_ROUND; n += 1) work(KEYS[n % KEYS.length] as string);
    rounds.push(((performance.now() - startedAt) * 1_000) / PER_ROUND);
  }
  return rounds.toSorted((a, b) => a - b)[ROUNDS / 2] as number;
}

describe('a memory hit', () => {
  it('costs about as much as a look into a map', async () => {
    const instance = (await CacheInstance.open({ clock: new ShiftedClock() })).listen();
    const map = new Map<string, object>();
    for (const key of KEYS) {
      instance.truth.write(key, key);
      map.set(`item:${key}`, (await instance.cache.getOrLoad(ITEM, key, instance.truth.loader(key))) as object);
    }
    const loader = instance.truth.loader('unused');
    const ofMap = cost((key) => map.get(`item:${key}`));
    const ofPeek = cost((key) => instance.cache.peek(ITEM, key));
    const ofGet = cost((key) => instance.cache.getOrLoad(ITEM, key, loader));
    const figures = [ofMap, ofPeek, ofGet].map((us) => us.toFixed(3));
    process.stdout.write(`memory hit, microseconds: Map ${figures[0]}, peek ${figures[1]}, getOrLoad ${figures[2]}\n`);
    expect(ofPeek).toBeLessThan(ofMap * 30);
    expect(ofGet).toBeLessThan(ofMap * 60);
    expect(instance.cache.snapshot().misses).toBe(KEYS.length);
  });
});
