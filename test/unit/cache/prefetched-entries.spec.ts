import { expect, it } from '@jest/globals';
import type { Prefetched } from '../../../src/cache/contract/cache.js';
import { CacheInstance, ITEM } from '../../support/cache/cache-rig.js';

/** Loads `a`, and with it what the truth says of `b` at that moment. */
async function loadBoth(instance: CacheInstance): Promise<string | undefined> {
  const [a, b] = [instance.truth.loader('a'), instance.truth.loader('b')];
  const found = await instance.cache.getOrLoad(ITEM, 'a', async () => {
    const [loaded, other] = await Promise.all([a(), b()]);
    const prefetched: Prefetched[] = other ? [{ kind: ITEM, key: 'b', read: () => other }] : [];
    return loaded && { ...loaded, prefetched };
  });
  return found?.text;
}

async function open(): Promise<CacheInstance> {
  const instance = (await CacheInstance.open()).listen();
  instance.truth.write('a', 'a');
  instance.truth.write('b', 'old');
  return instance;
}

it('a prefetched entry is cached as if it had been loaded itself', async () => {
  const instance = await open();
  await loadBoth(instance);
  instance.truth.asked = 0;
  expect(await instance.get('b')).toBe('old');
  expect(instance.truth.asked).toBe(0);
  expect(Object.isFrozen(instance.cache.peek(ITEM, 'b'))).toBe(true);
  instance.change('b', 'new');
  expect(await instance.get('b')).toBe('new');
});

it('a prefetched entry that a change has overtaken is not cached', async () => {
  const instance = await open();
  instance.truth.hold();
  const late = loadBoth(instance);
  instance.change('b', 'new');
  instance.truth.release();
  await late;
  expect(instance.cache.snapshot().entries).toBe(1);
  expect(await instance.get('b')).toBe('new');
});

it('an entry prefetched before the feed was lost is revalidated', async () => {
  const instance = await open();
  instance.truth.hold();
  const late = loadBoth(instance);
  instance.cache.feedLost();
  instance.truth.write('b', 'new'); // not announced
  instance.listen();
  instance.truth.release();
  await late;
  expect(await instance.get('b')).toBe('new');
});

it('a prefetched entry does not replace a cached one', async () => {
  const instance = await open();
  await instance.get('b');
  const held = instance.cache.peek(ITEM, 'b');
  await loadBoth(instance);
  expect(instance.cache.peek(ITEM, 'b')).toBe(held);
});

it('a prefetched entry that cannot be read is left to its own loader, and the load itself succeeds', async () => {
  const instance = await open();
  const unreadable: Prefetched = {
    kind: ITEM,
    key: 'b',
    read: () => {
      throw new Error('it cannot be decrypted');
    },
  };
  const load = instance.truth.loader('a');
  const found = await instance.cache.getOrLoad(ITEM, 'a', async () => {
    const loaded = await load();
    return loaded && { ...loaded, prefetched: [unreadable] };
  });
  expect(found?.text).toBe('a');
  expect(await instance.get('b')).toBe('old');
});
