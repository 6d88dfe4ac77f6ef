import { describe, expect, it, jest } from '@jest/globals';
import { LoadTimeoutError } from '../../../src/cache/contract/cache.errors.js';
import { CacheInstance, ITEM } from '../../support/cache/cache-rig.js';

async function open(): Promise<CacheInstance> {
  return (await CacheInstance.open()).listen();
}

describe('a cache load', () => {
  it('times out for all of its callers at its deadline, and the next caller starts a new one', async () => {
    jest.useFakeTimers();
    try {
      const instance = await open();
      instance.truth.write('a', 'one');
      instance.truth.hold();
      const waiting = Promise.allSettled([instance.get('a'), instance.get('a')]);
      await jest.advanceTimersByTimeAsync(5_000);
      const errors = (await waiting).map((outcome) => outcome.status === 'rejected' && (outcome.reason as unknown));
      expect(errors).toEqual([expect.any(LoadTimeoutError), expect.any(LoadTimeoutError)]);
      instance.truth.release();
      expect(await instance.get('a')).toBe('one');
    } finally {
      jest.useRealTimers();
    }
  });

  it('is repeated when a change overtakes it, and its outdated result is not cached', async () => {
    const instance = await open();
    instance.truth.write('a', 'old');
    instance.truth.hold(); // it has read the old value, and its answer is late
    const late = instance.get('a');
    instance.change('a', 'new');
    instance.truth.release();
    expect(await late).toBe('new');
    expect(await instance.get('a')).toBe('new');
  });

  it('does not serve callers that arrive after a change with the outdated result', async () => {
    const instance = await open();
    instance.truth.write('a', 'old');
    instance.truth.hold();
    const late = instance.get('a');
    instance.change('a', 'new');
    const after = instance.get('a');
    instance.truth.release();
    expect(await after).toBe('new');
    await late;
    expect(await instance.get('a')).toBe('new');
  });

  it('is attempted three times at most when a change overtakes every attempt', async () => {
    const instance = await open();
    instance.truth.write('a', '0');
    let changes = 0;
    const loader = instance.truth.loader('a');
    const value = await instance.cache.getOrLoad(ITEM, 'a', async () => {
      const loaded = await loader();
      instance.cache.observeVersion('subject:a', instance.truth.write('a', `${(changes += 1)}`));
      return loaded;
    });
    expect(changes).toBe(3);
    expect(value).toEqual({ text: '2' });
    expect(await instance.get('a')).toBe('3'); // an outdated value is not cached
  });

  it('does not cache an absence when the entry was created while it ran', async () => {
    const instance = await open();
    instance.truth.hold();
    const late = instance.get('a');
    instance.change('a', 'here');
    instance.truth.release();
    expect(await late).toBeUndefined();
    expect(await instance.get('a')).toBe('here');
  });

  it.each([
    ['the cache was cleared', (instance: CacheInstance) => void instance.cache.clear()],
    ['the change feed was restored', (instance: CacheInstance) => instance.listen()],
    ['everything was invalidated', (instance: CacheInstance) => instance.cache.invalidateAll()],
    ['the change feed was lost', (instance: CacheInstance) => instance.cache.feedLost()],
  ])('that began before %s does not serve later callers', async (_event, trigger) => {
    const instance = await open();
    instance.truth.write('a', 'old');
    instance.truth.hold();
    const late = instance.get('a');
    instance.truth.write('a', 'new'); // not announced
    trigger(instance);
    const after = instance.get('a');
    instance.truth.release();
    expect(await after).toBe('new');
    expect(await late).toBe('old');
    expect(await instance.get('a')).toBe('new');
  });

  it('keeps nothing of the previous subject when another subject has taken over its key', async () => {
    const instance = await open();
    instance.truth.write('slug', 'first', { subject: 'tenant:1', version: 50 });
    expect(await instance.get('slug')).toBe('first');
    instance.cache.observeVersion('tenant:1', 51);
    instance.truth.write('slug', 'second', { subject: 'tenant:2', version: 1 });
    expect(await instance.get('slug')).toBe('second');
    instance.truth.asked = 0;
    expect(await instance.get('slug')).toBe('second');
    expect(instance.truth.asked).toBe(0);
  });
});
