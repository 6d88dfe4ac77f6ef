import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DEFAULT_SERVER } from '../../../../src/catalog/catalog-target.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { insertTenants, LookupInstance, randomSlug } from '../../../support/cache/lookup-instance.js';
import { soon } from '../../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { TestRedis } from '../../../support/redis/test-redis.js';

/** Longer than a test may take: a key ends because it expires, not because its entry does. */
const NEVER_MS = 600_000;

let database: TestDatabase;
let redis: TestRedis;
let instances: readonly [LookupInstance, LookupInstance];

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase('catalog'), TestRedis.start()]);
  const open = (): Promise<LookupInstance> =>
    LookupInstance.open(targetOfUrl(database.url, DEFAULT_SERVER), {
      redis: { port: redis.port },
      options: { ttlMs: NEVER_MS },
    });
  instances = [await open(), await open()];
  await soon(async () => expect(instances.every(({ cache }) => cache.snapshot().redisConnected)).toBe(true));
});

afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.close()));
  await Promise.all([database.drop(), redis.stop()]);
});

/** @returns the key's id */
async function keyExpiringIn(interval: string): Promise<string> {
  const slug = randomSlug();
  await database.admin(insertTenants([slug]));
  await database.admin(`INSERT INTO api_keys (id, tenant_id, secret_hash, expires_at)
    SELECT '${slug}', id, 'x', clock_timestamp() + interval '${interval}' FROM tenants WHERE slug = '${slug}'`);
  return slug;
}

it('a key ends at its time on the instance that read it, and on one that took it from Redis', async () => {
  const [reader, other] = instances;
  const key = await keyExpiringIn('1 s');
  expect(await reader.lookup.apiKey(key)).toMatchObject({ isExpired: false });
  await soon(async () => expect(await redis.send('KEYS', `*${key}*`)).not.toHaveLength(0));
  const { redisHits } = other.cache.snapshot();
  expect(await other.lookup.apiKey(key)).toMatchObject({ isExpired: false });
  expect(other.cache.snapshot().redisHits).toBeGreaterThan(redisHits);
  for (const { lookup } of instances)
    await soon(async () => expect(await lookup.apiKey(key)).toMatchObject({ isExpired: true }));
});

it('a key that will expire is read from memory until then', async () => {
  const [reader] = instances;
  const key = await keyExpiringIn('1 h');
  await reader.lookup.apiKey(key);
  const { loads } = reader.cache.snapshot();
  expect(await reader.lookup.apiKey(key)).toMatchObject({ isExpired: false });
  expect(reader.cache.snapshot().loads).toBe(loads);
});
