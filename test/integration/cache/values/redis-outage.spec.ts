import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryValues } from '../../../../src/cache/values/memory-values.js';
import type { RedisTier } from '../../../../src/cache/redis/redis-tier.js';
import { RedisValues } from '../../../../src/cache/values/redis-values.js';
import { ValueStore } from '../../../../src/cache/values/value-store.js';
import { openTier, testKeyRing } from '../../../support/cache/cache-rig.js';
import { soon } from '../../../support/load/soon.js';
import { TestRedis } from '../../../support/redis/test-redis.js';

let redis: TestRedis;
let rejected: number;
const tiers: RedisTier[] = [];

/** One instance, whose changes are announced to the others. */
async function openStore(): Promise<ValueStore> {
  const tier = await openTier({ port: redis.port });
  tiers.push(tier);
  const memory = new MemoryValues({ maxEntriesPerNamespace: 10, maxBytes: 1_000_000 });
  const store = new ValueStore(memory, new RedisValues(tier, testKeyRing(), 'test:', 10, () => void (rejected += 1)));
  store.feedRestored();
  await usable(tier);
  return store;
}

const usable = (tier: RedisTier): Promise<void> => soon(async () => expect(tier.isUsable).toBe(true));

/** Until nothing is sent any more: what was sent, a thawed Redis would execute. */
const unusable = (store: ValueStore, tier: RedisTier | undefined): Promise<void> =>
  soon(async () => {
    await store.read('x', 'y');
    expect(tier?.isUsable).toBe(false);
  });

const source = (text: string) => ({ load: () => Promise.resolve(text), ttlMs: 60_000 });

beforeEach(async () => {
  redis = await TestRedis.start();
  rejected = 0;
});

afterEach(async () => {
  for (const tier of tiers.splice(0)) tier.close();
  await redis.stop();
});

describe('values in a Redis that goes away', () => {
  it('are not served after it is back, once deleted meanwhile: the instance that deleted them removes them', async () => {
    const [a, b] = [await openStore(), await openStore()];
    for (const key of ['k', 'kept']) await a.read('acme', key, source('old'));
    redis.freeze();
    await unusable(a, tiers[0]);
    await a.delete('acme', ['k']);
    redis.thaw();
    await Promise.all(tiers.map(usable));
    expect(await a.read('acme', 'k')).toBeUndefined();
    expect([await b.read('acme', 'k'), await b.read('acme', 'kept')]).toEqual([undefined, 'old']);
  });

  it('are not served after it is back, once deleted meanwhile: an instance that was sent the announcement removes them', async () => {
    const [a, b] = [await openStore(), await openStore()];
    await a.read('acme', 'k', source('old'));
    redis.freeze();
    await unusable(b, tiers[1]);
    b.changed({ namespace: 'acme', keys: ['k'] }); // by an instance that has been killed since
    redis.thaw();
    await Promise.all(tiers.map(usable));
    expect(await b.read('acme', 'k')).toBeUndefined();
  });

  it('cost nothing but a load while it is away', async () => {
    const a = await openStore();
    redis.freeze();
    expect(await a.read('acme', 'k', source('loaded'))).toBe('loaded');
    expect(await a.read('acme', 'k')).toBe('loaded');
    redis.thaw();
  });

  it('are all removed when more has been missed than is remembered', async () => {
    const [a, b] = [await openStore(), await openStore()];
    await a.read('acme', 'k', source('old'));
    await redis.send('SET', 'other:product', '1');
    redis.freeze();
    for (let count = 0; count < 10_002; count += 1) b.changed({ namespace: `n${count}`, keys: 'all' });
    await a.read('x', 'y', source('z')); // until the breaker opens
    await soon(async () => {
      await a.read('x', 'y');
      b.changed({ namespace: 'acme', keys: 'all' });
      expect(tiers.map(({ isUsable }) => isUsable)).toEqual([false, false]);
    });
    for (let count = 0; count < 10_002; count += 1) b.changed({ namespace: `n${count}`, keys: 'all' });
    redis.thaw();
    await Promise.all(tiers.map(usable));
    expect(await b.read('acme', 'k')).toBeUndefined();
    expect(await redis.send('GET', 'other:product')).toBe('1');
  });
});

describe('values in Redis', () => {
  it('that a load has not seen changing are not overwritten by it, whichever instance changed them', async () => {
    const [a, b] = [await openStore(), await openStore()];
    let finish: (text: string) => void = () => undefined;
    const slow = { load: () => new Promise<string>((resolve) => void (finish = resolve)), ttlMs: 60_000 };
    const loading = a.read('acme', 'k', slow);
    await soon(async () => expect(finish.length).toBe(1));
    await b.delete('acme', ['k']); // not announced yet
    finish('old');
    expect(await loading).toBe('old');
    expect(await b.read('acme', 'k')).toBeUndefined();
  });

  it('are encrypted, and refused when they were copied to another key, truncated or of another type', async () => {
    const [a, b] = [await openStore(), await openStore()];
    await a.set('acme', 'k1', 'secret', 60_000);
    const name = (key: string): string => `test:values:{acme}:value:${key}`;
    const stored = String(await redis.send('GET', name('k1')));
    expect(stored).not.toContain('secret');
    await redis.send('SET', name('k2'), stored, 'PX', 60_000);
    await redis.send('SET', name('k3'), stored.slice(0, -4), 'PX', 60_000);
    await redis.send('SET', name('k4'), 'plain text', 'PX', 60_000);
    await redis.send('LPUSH', name('k5'), 'list');
    const read = (key: string) => b.read('acme', key);
    expect(await Promise.all(['k1', 'k2', 'k3', 'k4', 'k5'].map(read))).toEqual([
      'secret',
      ...Array.from({ length: 4 }, () => undefined),
    ]);
    expect(rejected).toBe(4);
    expect(await redis.send('KEYS', name('*'))).toEqual([name('k1')]);
  });
});
