import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CacheInstance, PATIENT } from '../../support/cache/cache-rig.js';
import { connected, settled } from '../../support/cache/cache-settled.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const PREFIX = 'te[s]t*?'; // every letter that means something in a pattern

let redis: TestRedis;
let instance: CacheInstance;

beforeAll(async () => {
  redis = await TestRedis.start();
  instance = (await CacheInstance.open({ redis: { ...PATIENT, port: redis.port, keyPrefix: PREFIX } })).listen();
  await connected(instance);
});

afterAll(async () => {
  instance.close();
  await redis.stop();
});

describe('clearing the cache', () => {
  it('removes everything under its prefix and nothing else, without FLUSHDB or KEYS', async () => {
    await redis.use(async (client) => {
      for (let n = 0; n < 1_500; n += 1) void client.set(`${PREFIX}:item:${n}`, 'x');
      await client.mset(
        'session:1',
        'a',
        'tests:item:1',
        'b',
        'test:item:1',
        'c',
        'te[s]tXY:item:1',
        'd',
        'other',
        'e',
      );
    });
    for (const key of ['a', 'b']) instance.truth.write(key, key);
    await Promise.all([instance.get('a'), instance.get('b')]);
    await settled(instance);
    await redis.send('CONFIG', 'RESETSTAT');

    await instance.cache.clear();

    const statistics = String(await redis.send('INFO', 'commandstats'));
    expect(statistics).toContain('cmdstat_scan:');
    expect(statistics).toContain('cmdstat_unlink:');
    expect(statistics).not.toMatch(/cmdstat_(?:flushdb|flushall|keys|del):/);
    const left = (await redis.send('KEYS', '*')) as string[];
    expect(left.toSorted()).toEqual(['other', 'session:1', 'te[s]tXY:item:1', 'test:item:1', 'tests:item:1']);
    instance.truth.asked = 0;
    await instance.get('a');
    expect(instance.truth.asked).toBe(1);
  });

  it('reports that Redis failed, and empties memory all the same', async () => {
    instance.truth.write('k', 'one');
    await instance.get('k');
    await redis.stop();
    await expect(instance.cache.clear()).rejects.toThrow();
    instance.truth.asked = 0;
    expect(await instance.get('k')).toBe('one');
    expect(instance.truth.asked).toBe(1);
  });
});
