import { describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM } from '../../support/cache/cache-rig.js';

describe('while changes may go unheard', () => {
  it('a value is believed for a quarter of a second', async () => {
    const instance = await CacheInstance.open(); // nobody listens yet
    instance.truth.write('a', 'one');
    await instance.get('a');
    instance.truth.write('a', 'two');
    instance.clock.advance(249);
    expect(await instance.get('a')).toBe('one');
    instance.clock.advance(1);
    expect(await instance.get('a')).toBe('two');
  });

  it('everything held from before is confirmed before it is served', async () => {
    const instance = (await CacheInstance.open()).listen();
    for (const key of ['a', 'b']) instance.truth.write(key, 'one');
    await Promise.all(['a', 'b', 'absent'].map((key) => instance.get(key)));
    instance.cache.feedLost();
    for (const key of ['a', 'absent']) instance.truth.write(key, 'two');
    instance.truth.remove('b');
    expect(await Promise.all(['a', 'b', 'absent'].map((key) => instance.get(key)))).toEqual(['two', undefined, 'two']);
  });

  it('and heard again, everything held from then is confirmed once', async () => {
    const instance = (await CacheInstance.open()).listen();
    instance.truth.write('a', 'one');
    await instance.get('a');
    instance.cache.feedLost();
    instance.truth.write('a', 'two'); // unheard
    instance.listen();
    instance.truth.asked = 0;
    expect([await instance.get('a'), await instance.get('a')]).toEqual(['two', 'two']);
    expect(instance.truth.asked).toBe(1);
    expect(instance.cache.peek(ITEM, 'a')).toEqual({ text: 'two' });
  });
});
