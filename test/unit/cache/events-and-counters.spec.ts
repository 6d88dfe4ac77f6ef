import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { CacheInstance, OPTIONS } from '../../support/cache/cache-rig.js';

const lines: string[] = [];

beforeEach(() => {
  lines.length = 0;
  const debug = jest.fn((text: string) => void lines.push(text));
  Logger.overrideLogger({ log: debug, warn: jest.fn(), error: jest.fn(), debug });
});

afterEach(() => Logger.overrideLogger(true));

describe('a cache with the memory tier only', () => {
  it('counts hits, misses and loads, and logs each hit and miss with its key', async () => {
    const instance = (await CacheInstance.open({ options: { logsHits: true } })).listen();
    instance.truth.write('a', 'one');
    await instance.get('a'); // miss
    await instance.get('a'); // hit
    await instance.get('x'); // miss
    await instance.get('x'); // hit: known not to exist
    instance.clock.advance(OPTIONS.ttlMs);
    instance.truth.failure = new Error('down');
    await instance.get('a'); // miss, failure, stale
    expect(instance.cache.snapshot()).toEqual({
      ...{ entries: 1, memoryHits: 2, redisHits: 0, misses: 3, stale: 1 },
      ...{ loads: 3, loadFailures: 1, loadMs: 0 },
      ...{ redisFailures: 0, redisRejected: 0, redisOutdated: 0, redisConnected: undefined, redisBreaker: 'off' },
    });
    expect(lines).toEqual([
      'Cache MISS item:a',
      'Cache HIT (memory) item:a',
      'Cache MISS item:x',
      'Cache HIT (memory) item:x',
      'Cache MISS item:a',
      'Cache HIT (stale) item:a',
    ]);
  });

  it('measures the duration of its loads', async () => {
    const instance = (await CacheInstance.open()).listen();
    instance.truth.write('a', 'one');
    instance.truth.hold();
    const answer = instance.get('a');
    instance.clock.advance(70);
    instance.truth.release();
    await answer;
    expect(instance.cache.snapshot()).toMatchObject({ loads: 1, loadMs: 70 });
  });

  it('logs no hits and misses by default', async () => {
    const instance = (await CacheInstance.open()).listen();
    await instance.get('a');
    expect(lines).toEqual([]);
  });
});
