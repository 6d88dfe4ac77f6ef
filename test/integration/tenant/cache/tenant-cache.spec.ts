import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TenantCache, TenantConnectionService } from '../../../../src/index.js';
import { CatalogChangeFeed } from '../../../../src/catalog/feed/catalog-change-feed.js';
import { HostApplication } from '../../../support/host/host-application.js';
import { soon } from '../../../support/load/soon.js';
import { createTestDatabase } from '../../../support/postgres/postgres.js';
import { ADMIN_KEY } from '../../../support/test-app.js';
import { TestRedis } from '../../../support/redis/test-redis.js';

/** One instance of the application, with a source whose loads are counted. */
class Instance {
  loads = 0;

  private constructor(readonly host: HostApplication) {}

  static async start(database: HostApplication['database'], port: number | undefined): Promise<Instance> {
    const redis = { ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(port) };
    const env = { ENCRYPTION_KEYS: KEYS, TENANT_CACHE_MAX_ENTRIES: '5', ...(port !== undefined && redis) };
    return new Instance(await HostApplication.start({ adapter: 'fastify', database, env }));
  }

  run<T>(slug: string, work: (cache: TenantCache) => Promise<T>): Promise<T> {
    const cache = this.host.nest.get(TenantCache, { strict: false });
    return this.host.nest.get(TenantConnectionService, { strict: false }).run(slug, () => work(cache));
  }

  load(slug: string, key: string, value: unknown = `${slug} ${key}`): Promise<unknown> {
    return this.run(slug, (cache) =>
      cache.getOrLoad(key, () => {
        this.loads += 1;
        return value;
      }),
    );
  }
}

const KEYS = `k1:${Buffer.alloc(32, 3).toString('base64')}`;
let redis: TestRedis;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

describe.each(['with Redis', 'in memory only'] as const)("a tenant's cache, %s", (mode) => {
  let a: Instance;
  let b: Instance;

  beforeAll(async () => {
    const database = await createTestDatabase('catalog');
    const port = mode === 'with Redis' ? redis.port : undefined;
    a = await Instance.start(database, port);
    b = await Instance.start(database, port);
    await a.host.provision('acme', 'row');
    await a.host.provision('globex', 'row');
    for (const { host } of [a, b]) {
      await soon(async () => expect(host.nest.get(CatalogChangeFeed, { strict: false }).connected).toBe(true));
    }
  });

  afterAll(async () => {
    await b.host.stop();
    await a.host.dispose();
  });

  beforeEach(async () => {
    for (const slug of ['acme', 'globex']) await a.run(slug, (cache) => cache.clear());
    await b.load('acme', 'probe');
    await a.run('acme', (cache) => cache.delete('probe')); // announcements arrive in their order
    await soon(async () => expect(await b.run('acme', (cache) => cache.get('probe'))).toBeUndefined());
    [a.loads, b.loads] = [0, 0];
  });

  it("gives each tenant its own value of a key, and each caller a copy that changes nobody's", async () => {
    const first = (await a.load('acme', 'prices', { list: [1] })) as { list: number[] };
    first.list.push(2);
    expect(await a.load('acme', 'prices')).toEqual({ list: [1] });
    expect(await a.load('globex', 'prices', 'theirs')).toBe('theirs');
    expect(await a.load('acme', 'prices')).toEqual({ list: [1] });
  });

  it('serves a value once for all instances that share Redis, and once for each without it', async () => {
    await a.load('acme', 'k');
    await b.load('acme', 'k');
    await b.load('acme', 'k');
    expect([a.loads, b.loads]).toEqual([1, mode === 'with Redis' ? 0 : 1]);
  });

  it.each([
    ['delete', (cache: TenantCache) => cache.delete('k'), 'acme k'],
    ['clear', (cache: TenantCache) => cache.clear(), 'acme k'],
    ['set', (cache: TenantCache) => cache.set('k', 'new'), mode === 'with Redis' ? 'new' : 'acme k'],
  ])('%s by one instance ends the former value in the memory of the others', async (_, change, expected) => {
    await a.run('acme', (cache) => cache.set('k', 'old'));
    await b.load('acme', 'k', 'old');
    await b.load('globex', 'k', 'theirs');
    await a.run('acme', change);
    await soon(async () => expect(await b.run('acme', (cache) => cache.get('k'))).not.toBe('old'));
    expect(await b.load('acme', 'k')).toBe(expected);
    const { loads } = b;
    expect([await b.load('globex', 'k'), b.loads]).toEqual(['theirs', loads]);
  });

  it('keeps as many values of a tenant as allowed, and those of others', async () => {
    await a.load('globex', 'kept');
    for (let index = 0; index < 20; index += 1) await a.load('acme', `k${index}`);
    const left = await a.run('acme', (cache) =>
      Promise.all(Array.from({ length: 20 }, (_, index) => cache.get(`k${index}`))),
    );
    expect(left.filter((value) => value !== undefined)).toHaveLength(5);
    expect(await b.run('globex', (cache) => cache.get('kept'))).toBe(mode === 'with Redis' ? 'globex kept' : undefined);
  });

  it('refuses what it cannot keep, and returns no value of the attempt later', async () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const value of [circular, 1n, () => 1, 'x'.repeat(1_048_575)]) {
      await expect(a.load('acme', 'k', value)).rejects.toMatchObject({ code: 'UNCACHEABLE_VALUE' });
    }
    for (const key of ['', 'x'.repeat(1_025), 7 as never]) {
      await expect(a.load('acme', key)).rejects.toMatchObject({ code: 'INVALID_CACHE_ARGUMENT' });
    }
    for (const ttlMs of [0, -1, Number.NaN, Infinity, '5' as never]) {
      const load = a.run('acme', (cache) => cache.getOrLoad('k', () => 1, { ttlMs }));
      await expect(load).rejects.toMatchObject({ code: 'INVALID_CACHE_ARGUMENT' });
    }
    expect(await a.load('acme', 'k', null)).toBeNull();
  });

  it('throws outside of a tenant context', async () => {
    const cache = a.host.nest.get(TenantCache, { strict: false });
    await expect(cache.getOrLoad('k', () => 1)).rejects.toMatchObject({ code: 'NO_TENANT_CONTEXT' });
  });

  it('is empty once the tenant is deleted', async () => {
    const { id } = await a.host.provision('leaving', 'row');
    await a.load('leaving', 'k');
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    await a.host.fetch('/admin/v1/tenants/leaving?graceSeconds=0', { method: 'DELETE', headers });
    await soon(async () => {
      const left = await a.host.database.admin('SELECT 1 FROM tenants WHERE id = $1', [id]);
      expect(left).toHaveLength(0);
    });
    if (mode === 'with Redis') {
      const keys = (await redis.send('KEYS', `*values:{${id}}*`)) as string[];
      expect(keys.filter((key) => !key.endsWith(':changes'))).toEqual([]);
    }
  });
});
