import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DecryptionError } from '../../../src/platform/encryption/key-ring.js';
import { CacheInstance, OPTIONS } from '../../support/cache/cache-rig.js';
import { LogRecorder } from '../../support/log-recorder.js';

const DOWN = new Error('connect ECONNREFUSED');

let instance: CacheInstance;
let log: LogRecorder;

beforeEach(async () => {
  log = new LogRecorder();
  Logger.overrideLogger(log);
  instance = (await CacheInstance.open()).listen();
  instance.truth.write('a', 'one');
  await instance.get('a');
});

afterEach(() => Logger.overrideLogger(true));

describe('while the truth cannot be asked', () => {
  it('what was known is served within the grace period, is counted, and is told of once', async () => {
    instance.truth.failure = DOWN;
    instance.clock.advance(OPTIONS.ttlMs);
    expect([await instance.get('a'), await instance.get('a')]).toEqual(['one', 'one']);
    expect(instance.cache.snapshot()).toMatchObject({ stale: 2, loadFailures: 1 });
    expect(log.matching('warn', /Catalog unavailable: serving stale entries/)).toHaveLength(1);
  });

  it('it is asked once a second, whoever waits', async () => {
    instance.truth.failure = DOWN;
    instance.clock.advance(OPTIONS.ttlMs);
    instance.truth.asked = 0;
    for (let tenth = 0; tenth < 50; tenth += 1) {
      await instance.get('a');
      instance.clock.advance(100);
    }
    expect(instance.truth.asked).toBe(5);
  });

  it('nothing is served beyond the grace period', async () => {
    instance.truth.failure = DOWN;
    instance.clock.advance(OPTIONS.ttlMs + OPTIONS.graceMs - 1);
    expect(await instance.get('a')).toBe('one');
    instance.clock.advance(1_000);
    await expect(instance.get('a')).rejects.toBe(DOWN);
  });

  it.each([
    ['a change', () => instance.cache.observeVersion('subject:a', 2)],
    ['an unknown change', () => instance.cache.invalidateAll()],
    ['clearing', () => void instance.cache.clear()],
  ])('nothing is served from before %s', async (_what, happen) => {
    happen();
    instance.truth.failure = DOWN;
    await expect(instance.get('a')).rejects.toBe(DOWN);
    instance.clock.advance(OPTIONS.ttlMs);
    await expect(instance.get('a')).rejects.toBe(DOWN);
    expect(instance.cache.snapshot().stale).toBe(0);
  });

  it('nothing is served from before more changes than are remembered', async () => {
    instance.cache.observeVersion('subject:a', 2);
    for (let n = 0; n < 100_001; n += 1) instance.cache.observeVersion(`other:${n}`, 2);
    instance.truth.failure = DOWN;
    await expect(instance.get('a')).rejects.toBe(DOWN);
  });

  it('what was known before the notifications were lost is served: no change of it was heard', async () => {
    instance.cache.feedLost();
    instance.truth.failure = DOWN;
    expect(await instance.get('a')).toBe('one');
    instance.cache.feedRestored();
    expect(await instance.get('a')).toBe('one');
  });

  it('and silent, who has something to serve waits a second, not until the deadline', async () => {
    jest.useFakeTimers();
    try {
      instance.clock.advance(OPTIONS.ttlMs);
      instance.truth.hold();
      const waiting = instance.get('a');
      await jest.advanceTimersByTimeAsync(1_000);
      expect(await waiting).toBe('one');
      expect(instance.cache.snapshot().stale).toBe(1);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('when the truth answers again', () => {
  it('everything is fresh again after a second at most, and that is told, too', async () => {
    instance.truth.failure = DOWN;
    instance.clock.advance(OPTIONS.ttlMs);
    await instance.get('a');
    instance.truth.failure = undefined;
    instance.truth.write('a', 'two');
    instance.clock.advance(1_000);
    expect(await instance.get('a')).toBe('two');
    expect(log.matching('log', /Catalog available again/)).toHaveLength(1);
  });
});

describe('what the truth refuses', () => {
  it('is its answer: nothing stale is served instead, and nobody else is served stale for it', async () => {
    instance.truth.write('b', 'one');
    await instance.get('b');
    instance.clock.advance(OPTIONS.ttlMs);
    instance.truth.failure = new DecryptionError('somewhere', 'its key is gone');
    await expect(instance.get('a')).rejects.toBeInstanceOf(DecryptionError);
    instance.truth.failure = undefined;
    instance.truth.write('b', 'two');
    expect(await instance.get('b')).toBe('two');
  });
});
