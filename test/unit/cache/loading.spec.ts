import { describe, expect, it, jest } from '@jest/globals';
import { LoadTimeoutError } from '../../../src/cache/contract/cache.errors.js';
import { CacheInstance, ITEM } from '../../support/cache/cache-rig.js';

async function open(): Promise<CacheInstance> {
  return (await CacheInstance.open()).listen();
}

describe('a load', () => {
  it('that does not end is given up at its deadline, by everybody who waits, and the next caller loads anew', async () => {
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

  it('that a change overtakes is made again, and what it read is not kept', async () => {
    const instance = await open();
    instance.truth.write('a', 'old');
    instance.truth.hold(); // it has read the old value, and is late with it
    const late = instance.get('a');
    instance.change('a', 'new');
    instance.truth.release();
    expect(await late).toBe('new');
    expect(await instance.get('a')).toBe('new');
  });

  it('that is late is not what callers get who come after the change', async () => {
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

  it('is not made for ever when every one of them is overtaken', async () => {
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
    expect(await instance.get('a')).toBe('3'); // and what is known to be old is not kept
  });

  it('that found nothing, late, does not hide what appeared meanwhile', async () => {
    const instance = await open();
    instance.truth.hold();
    const late = instance.get('a');
    instance.change('a', 'here');
    instance.truth.release();
    expect(await late).toBeUndefined();
    expect(await instance.get('a')).toBe('here');
  });

  it.each([
    ['what is held was cleared', (instance: CacheInstance) => void instance.cache.clear()],
    ['changes are heard again', (instance: CacheInstance) => instance.listen()],
    ['everything was invalidated', (instance: CacheInstance) => instance.cache.invalidateAll()],
    ['changes went unheard', (instance: CacheInstance) => instance.cache.feedLost()],
  ])('that began before %s is not what callers get who come after', async (_what, happen) => {
    const instance = await open();
    instance.truth.write('a', 'old');
    instance.truth.hold();
    const late = instance.get('a');
    instance.truth.write('a', 'new'); // unheard
    happen(instance);
    const after = instance.get('a');
    instance.truth.release();
    expect(await after).toBe('new');
    expect(await late).toBe('old');
    expect(await instance.get('a')).toBe('new');
  });

  it('through a key that another subject has taken over keeps nothing of the first one', async () => {
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
