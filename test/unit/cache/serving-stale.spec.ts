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

describe('a cache whose source is down', () => {
  it('serves stale values within the grace period, counts them, and logs the outage once', async () => {
    instance.truth.failure = DOWN;
    instance.clock.advance(OPTIONS.ttlMs);
    expect([await instance.get('a'), await instance.get('a')]).toEqual(['one', 'one']);
    expect(instance.cache.snapshot()).toMatchObject({ stale: 2, loadFailures: 1 });
    expect(log.matching('warn', /Catalog unavailable: serving stale entries/)).toHaveLength(1);
  });

  it('queries the source once a second, however many callers there are', async () => {
    instance.truth.failure = DOWN;
    instance.clock.advance(OPTIONS.ttlMs);
    instance.truth.asked = 0;
    for (let tenth = 0; tenth < 50; tenth += 1) {
      await instance.get('a');
      instance.clock.advance(100);
    }
    expect(instance.truth.asked).toBe(5);
  });

  it('serves nothing beyond the grace period', async () => {
    instance.truth.failure = DOWN;
    instance.clock.advance(OPTIONS.ttlMs + OPTIONS.graceMs - 1);
    expect(await instance.get('a')).toBe('one');
    instance.clock.advance(1_000);
    await expect(instance.get('a')).rejects.toBe(DOWN);
  });

  it.each([
    ['a change', () => instance.cache.observeVersion('subject:a', 2)],
    ['an event that could not be parsed', () => instance.cache.invalidateAll()],
    ['the cache was cleared', () => void instance.cache.clear()],
  ])('serves nothing that was loaded before %s', async (_event, trigger) => {
    trigger();
    instance.truth.failure = DOWN;
    await expect(instance.get('a')).rejects.toBe(DOWN);
    instance.clock.advance(OPTIONS.ttlMs);
    await expect(instance.get('a')).rejects.toBe(DOWN);
    expect(instance.cache.snapshot().stale).toBe(0);
  });

  it('serves nothing loaded before a change whose version has been forgotten', async () => {
    instance.cache.observeVersion('subject:a', 2);
    for (let n = 0; n < 100_001; n += 1) instance.cache.observeVersion(`other:${n}`, 2);
    instance.truth.failure = DOWN;
    await expect(instance.get('a')).rejects.toBe(DOWN);
  });

  it('serves values loaded before the feed was lost, because no change of them was announced', async () => {
    instance.cache.feedLost();
    instance.truth.failure = DOWN;
    expect(await instance.get('a')).toBe('one');
    instance.listen();
    expect(await instance.get('a')).toBe('one');
  });

  it('serves a stale value after a second when the source does not answer, instead of waiting for the deadline', async () => {
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

describe('a cache whose source has recovered', () => {
  it('serves fresh values after a second at most, and logs the recovery', async () => {
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

describe('an error that the source returns itself', () => {
  it('reaches the caller instead of a stale value, and does not make other keys stale', async () => {
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
