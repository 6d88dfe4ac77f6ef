import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type CacheInstance, ITEM, OPTIONS } from '../support/cache/cache-rig.js';

/** A cache of some tiers, to be held to the contract. */
export interface CacheUnderTest {
  readonly instance: CacheInstance;
  /** Resolves when what was stored can be read. */
  settle(): Promise<void>;
  /** Lets time pass for every tier. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** The behaviour of a cache, whichever tiers it has. */
export function cacheContract(open: () => Promise<CacheUnderTest>): void {
  let subject: CacheUnderTest;
  let instance: CacheInstance;

  beforeAll(async () => {
    subject = await open();
    instance = subject.instance.listen();
  });

  afterAll(() => subject.close());

  beforeEach(async () => {
    instance.truth.failure = undefined;
    await instance.cache.clear();
    instance.truth.asked = 0;
  });

  async function getSettled(key: string): Promise<string | undefined> {
    const text = await instance.get(key);
    await subject.settle();
    return text;
  }

  describe('a cached value', () => {
    it('is loaded once, frozen and returned from then on', async () => {
      instance.truth.write('a', 'one');
      expect([await getSettled('a'), await getSettled('a'), await getSettled('a')]).toEqual(['one', 'one', 'one']);
      expect(instance.truth.asked).toBe(1);
      const value = await instance.cache.getOrLoad(ITEM, 'a', instance.truth.loader('a'));
      expect(Object.isFrozen(value)).toBe(true);
    });

    it('is loaded again when its TTL is over, not earlier', async () => {
      instance.truth.write('b', 'one');
      await getSettled('b');
      instance.truth.write('b', 'two');
      await subject.advance(OPTIONS.ttlMs - 10_000); // Redis' own clock does not stand still
      expect(await getSettled('b')).toBe('one');
      await subject.advance(10_000);
      expect(await getSettled('b')).toBe('two');
      expect(instance.truth.asked).toBe(2);
    });

    it('may have a TTL of its own', async () => {
      instance.truth.write('c', 'one', { ttlMs: 20_000 });
      await getSettled('c');
      instance.truth.write('c', 'two');
      await subject.advance(10_000);
      expect(await getSettled('c')).toBe('one');
      await subject.advance(10_000);
      expect(await getSettled('c')).toBe('two');
    });

    it('is replaced as soon as its change is announced', async () => {
      instance.truth.write('d', 'one');
      await getSettled('d');
      instance.change('d', 'two');
      expect(await getSettled('d')).toBe('two');
      expect(await getSettled('d')).toBe('two');
      expect(instance.truth.asked).toBe(2);
    });

    it('is gone as soon as its deletion is announced', async () => {
      instance.truth.write('e', 'one');
      await getSettled('e');
      instance.cache.observeVersion('subject:e', instance.truth.remove('e'));
      expect(await getSettled('e')).toBeUndefined();
    });

    it('is not mixed up with a value of the same key and another kind', async () => {
      instance.truth.write('f', 'one');
      await getSettled('f');
      const other = { ...ITEM, name: 'other' };
      expect(await instance.cache.getOrLoad(other, 'f', () => Promise.resolve(null))).toBeNull();
    });

    it('is served and cached after its row was deleted and recreated with versions starting again', async () => {
      for (const text of ['one', 'two', 'three']) instance.change('g', text);
      await getSettled('g');
      instance.cache.observeVersion('subject:g', instance.truth.remove('g'));
      await getSettled('g');
      instance.change('g', 'back');
      expect(await getSettled('g')).toBe('back');
      instance.truth.asked = 0;
      expect(await getSettled('g')).toBe('back');
      instance.change('g', 'back, and changed');
      expect(await getSettled('g')).toBe('back, and changed');
    });
  });

  describe('a cached absence', () => {
    it('expires earlier than a value', async () => {
      expect([await getSettled('x'), await getSettled('x')]).toEqual([undefined, undefined]);
      expect(instance.truth.asked).toBe(1);
      await subject.advance(OPTIONS.absenceTtlMs);
      await getSettled('x');
      expect(instance.truth.asked).toBe(2);
    });

    it('is forgotten when the row is created', async () => {
      await getSettled('y');
      instance.change('y', 'here');
      expect(await getSettled('y')).toBe('here');
    });
  });

  describe('a failed load', () => {
    it('reaches all of its callers, and is not cached', async () => {
      instance.truth.write('h', 'one');
      instance.truth.failure = new Error('broken');
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => instance.get('h')));
      expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'rejected'));
      expect(instance.truth.asked).toBe(1);
      instance.truth.failure = undefined;
      expect(await getSettled('h')).toBe('one');
    });
  });

  describe('a cache miss', () => {
    it('of 1,000 simultaneous callers causes one load', async () => {
      instance.truth.write('crowd', 'one');
      const answers = await Promise.all(Array.from({ length: 1_000 }, () => instance.get('crowd')));
      expect(new Set(answers)).toEqual(new Set(['one']));
      expect(instance.truth.asked).toBe(1);
    });
  });

  describe('clearing the cache', () => {
    it('removes every entry', async () => {
      instance.truth.write('z', 'one');
      await getSettled('z');
      await instance.cache.clear();
      await getSettled('z');
      expect(instance.truth.asked).toBe(2);
    });
  });
}
