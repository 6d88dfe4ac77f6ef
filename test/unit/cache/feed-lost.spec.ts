import { describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM } from '../../support/cache/cache-rig.js';

describe('a cache without the change feed', () => {
  it('serves a value for a quarter of a second before it revalidates it', async () => {
    const instance = await CacheInstance.open(); // not connected to the feed yet
    instance.truth.write('a', 'one');
    await instance.get('a');
    instance.truth.write('a', 'two');
    instance.clock.advance(249);
    expect(await instance.get('a')).toBe('one');
    instance.clock.advance(1);
    expect(await instance.get('a')).toBe('two');
  });

  it('revalidates every older entry before it serves it', async () => {
    const instance = (await CacheInstance.open()).listen();
    for (const key of ['a', 'b']) instance.truth.write(key, 'one');
    await Promise.all(['a', 'b', 'absent'].map((key) => instance.get(key)));
    instance.cache.feedLost();
    for (const key of ['a', 'absent']) instance.truth.write(key, 'two');
    instance.truth.remove('b');
    expect(await Promise.all(['a', 'b', 'absent'].map((key) => instance.get(key)))).toEqual(['two', undefined, 'two']);
  });

  it('revalidates every entry once after the feed is restored', async () => {
    const instance = (await CacheInstance.open()).listen();
    instance.truth.write('a', 'one');
    await instance.get('a');
    instance.cache.feedLost();
    instance.truth.write('a', 'two'); // not announced
    instance.listen();
    instance.truth.asked = 0;
    expect([await instance.get('a'), await instance.get('a')]).toEqual(['two', 'two']);
    expect(instance.truth.asked).toBe(1);
    expect(instance.cache.peek(ITEM, 'a')).toEqual({ text: 'two' });
  });
});
