import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Entry } from '../../../../src/cache/contract/entry.js';
import { CacheStatistics } from '../../../../src/cache/contract/cache-statistics.js';
import { openRedisTier } from '../../../../src/cache/redis/open-redis-tier.js';
import type { RedisTier } from '../../../../src/cache/redis/redis-tier.js';
import { EncryptedRedis } from '../../../../src/cache/redis/encrypted-redis.js';
import { TieredCache } from '../../../../src/cache/tiers/tiered-cache.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { KeyRing } from '../../../../src/platform/encryption/key-ring.js';
import { ITEM, OPTIONS } from '../../../support/cache/cache-rig.js';
import { soon } from '../../../support/load/soon.js';
import { TestRedis } from '../../../support/redis/test-redis.js';
import { AFTER, BEFORE, DURING, NEW_KEY, OLD_KEY, STRANGER } from '../../../support/encryption/rings.js';

const PREFIX = 'a[*]b';
const COUNT = 120;
const KEYS = Array.from({ length: COUNT }, (_, n) => `item:k${n}`);

let redis: TestRedis;
const tiers: RedisTier[] = [];
const clients: Redis[] = [];

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

afterEach(async () => {
  for (const tier of tiers.splice(0)) tier.close();
  for (const client of clients.splice(0)) client.disconnect();
  await redis.send('FLUSHALL');
});

async function open(ring: KeyRing, more: Partial<AppConfig['cache']['redis']> = {}): Promise<RedisTier> {
  const settings = {
    ...{
      url: undefined,
      host: '127.0.0.1',
      port: redis.port,
      password: undefined,
      db: 0,
      tls: false,
      keyPrefix: PREFIX,
    },
    ...{ sentinels: [], sentinelMaster: 'm', clusterNodes: [] },
    ...more,
    ...more,
  };
  const config = { cache: { redisEnabled: true, redis: settings } } as unknown as AppConfig;
  const tier = await openRedisTier(config, ring, new CacheStatistics());
  if (!tier) throw new Error('the Redis packages are not installed');
  tiers.push(tier);
  await soon(async () => expect(tier.isConnected).toBe(true));
  return tier;
}

function entry(text: string, version = 1, ttlMs = 600_000): Entry {
  return { value: { text }, subject: 's', version, sequence: 1, ttlMs };
}

async function fill(ring: KeyRing, keys: readonly string[] = KEYS): Promise<void> {
  const tier = await open(ring);
  for (const key of keys) await tier.set(key, entry(`of ${key}`));
}

async function textOf(tier: RedisTier, key: string): Promise<unknown> {
  return (await tier.get(key, ITEM.schema))?.value;
}

describe('re-encrypting the entries in Redis', () => {
  it('lets an instance with only the new key read all of them, for the rest of their lifetime', async () => {
    await fill(BEFORE);
    await redis.send('PEXPIRE', `${PREFIX}:${KEYS[0]}`, 90_000);
    const during = await open(DURING);
    expect(await during.reEncryptEntries()).toBe(COUNT);
    const after = await open(AFTER);
    for (const key of KEYS) expect(await textOf(after, key)).toEqual({ text: `of ${key}` });
    const first = Number(await redis.send('PTTL', `${PREFIX}:${KEYS[0]}`));
    expect(first).toBeGreaterThan(30_000);
    expect(first).toBeLessThanOrEqual(90_000);
    expect(Number(await redis.send('PTTL', `${PREFIX}:${KEYS[1]}`))).toBeGreaterThan(500_000);
    expect(await during.reEncryptEntries()).toBe(0);
  });

  it('skips entries that are foreign, undecryptable, not strings, without expiry, or current', async () => {
    await fill(STRANGER, ['item:lost']);
    await fill(DURING, ['item:current']);
    await fill(BEFORE, ['item:forever', 'item:moved', 'item:old']);
    await redis.send('PERSIST', `${PREFIX}:item:forever`);
    await redis.send('RENAME', `${PREFIX}:item:moved`, `${PREFIX}:item:elsewhere`);
    await redis.send('RPUSH', `${PREFIX}:item:list`, 'x');
    await redis.send('SET', `${PREFIX}:lock:item:old`, 'token');
    await redis.send('SET', `${PREFIX}:item:rubbish`, 'rubbish');
    await redis.send('COPY', `${PREFIX}:item:old`, 'foreign:item:old');
    const dump = (): Promise<unknown[]> =>
      Promise.all(
        ['lost', 'current', 'forever', 'elsewhere', 'list', 'rubbish'].map((name) =>
          redis.send('DUMP', `${PREFIX}:item:${name}`),
        ),
      );
    const foreign = await redis.send('GET', 'foreign:item:old');
    const before = await dump();
    expect(await (await open(DURING)).reEncryptEntries()).toBe(1);
    expect(await dump()).toEqual(before);
    expect(await redis.send('GET', 'foreign:item:old')).toBe(foreign);
    expect(await redis.send('GET', `${PREFIX}:lock:item:old`)).toBe('token');
  });

  it('never overwrites, revives or prolongs an entry written, removed or expired in the meantime', async () => {
    await fill(BEFORE, ['item:written', 'item:removed']);
    const client = new Redis({ port: redis.port, host: '127.0.0.1' });
    clients.push(client);
    /** Between its reading and its writing: commands of one connection are run in their order. */
    class Meanwhile extends KeyRing {
      override reEncrypt(sealed: string, place: string): string {
        if (place.includes('written')) void client.set(`${PREFIX}:item:written`, 'newer', 'PX', 5_000);
        else void client.del(`${PREFIX}:item:removed`);
        return super.reEncrypt(sealed, place);
      }
    }
    const ring = new Meanwhile({ security: { encryptionKeys: [NEW_KEY, OLD_KEY] } } as unknown as AppConfig);
    const sealed = new EncryptedRedis(client, ring, `${PREFIX}:`, () => undefined);
    expect(await sealed.reEncrypt()).toBe(0);
    expect(await client.get(`${PREFIX}:item:written`)).toBe('newer');
    expect(await client.pttl(`${PREFIX}:item:written`)).toBeLessThanOrEqual(5_000);
    expect(await client.exists(`${PREFIX}:item:removed`)).toBe(0);
  });

  it('can be interrupted and resumes where it stopped', async () => {
    await fill(BEFORE);
    const stop = new AbortController();
    class Stopping extends KeyRing {
      override reEncrypt(sealed: string, place: string): string {
        stop.abort(new Error('stopped'));
        return super.reEncrypt(sealed, place);
      }
    }
    const ring = new Stopping({ security: { encryptionKeys: [NEW_KEY, OLD_KEY] } } as unknown as AppConfig);
    const tier = await open(ring);
    await expect(tier.reEncryptEntries(stop.signal)).rejects.toThrow('stopped');
    const left = await (await open(DURING)).reEncryptEntries();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(COUNT);
    const after = await open(AFTER);
    for (const key of KEYS) expect(await textOf(after, key)).toBeDefined();
  });

  it('reaches every master of a cluster', async () => {
    const nodes = await Promise.all([1, 2].map(() => TestRedis.start(['--cluster-enabled', 'yes'])));
    const [first, second] = nodes as [TestRedis, TestRedis];
    await first.send('CLUSTER', 'ADDSLOTSRANGE', 0, 8191);
    await second.send('CLUSTER', 'ADDSLOTSRANGE', 8192, 16_383);
    await second.send('CLUSTER', 'MEET', '127.0.0.1', first.port);
    for (const node of nodes) {
      await soon(async () => expect(String(await node.send('CLUSTER', 'INFO'))).toMatch(/state:ok[^]*known_nodes:2/));
    }
    const clusterNodes = [first.address];
    const before = await open(BEFORE, { clusterNodes });
    await soon(async () => {
      for (const key of KEYS) await before.set(key, entry(`of ${key}`));
      expect((await Promise.all(KEYS.map((key) => textOf(before, key)))).every(Boolean)).toBe(true);
    });
    expect(Number(await second.send('DBSIZE'))).toBeGreaterThan(0);
    expect(await (await open(DURING, { clusterNodes })).reEncryptEntries()).toBe(COUNT);
    for (const tier of tiers.splice(0)) tier.close();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  it('does nothing without Redis and reports when Redis is unavailable', async () => {
    expect(await new TieredCache(OPTIONS, undefined).reEncryptEntries()).toBe(0);
    const gone = await TestRedis.start();
    const tier = await open(DURING, { port: gone.port });
    await gone.stop();
    await soon(async () => expect(tier.isConnected).toBe(false));
    expect(await new TieredCache(OPTIONS, tier).reEncryptEntries()).toBeUndefined();
    expect(tier.breakerState).toBe('closed');
  });

  it('gives up when Redis hangs halfway, and works once it answers again', async () => {
    await fill(BEFORE);
    const hanging = await open(DURING);
    redis.freeze();
    const reEncrypting = hanging.reEncryptEntries();
    await expect(reEncrypting.finally(() => redis.thaw())).resolves.toBeUndefined();
    await soon(async () => expect(hanging.breakerState).toBe('closed')); // its ping may have opened it
    expect(await hanging.reEncryptEntries()).toBe(COUNT);
  });
});
