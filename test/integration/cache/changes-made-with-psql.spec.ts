import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { insertTenants, LookupInstance, randomSlug } from '../../support/cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { TestRedis } from '../../support/redis/test-redis.js';

/** Longer than a test may take: an instance sees a change because it was announced, not because an entry expired. */
const NEVER_MS = 600_000;
const OPTIONS = { ttlMs: NEVER_MS, absenceTtlMs: NEVER_MS };

let database: TestDatabase;
let redis: TestRedis;
let instances: LookupInstance[];

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase('catalog'), TestRedis.start()]);
  const target = targetOfUrl(database.url, DEFAULT_SERVER);
  instances = [];
  for (let n = 0; n < 3; n += 1) {
    instances.push(await LookupInstance.open(target, { redis: { port: redis.port }, options: OPTIONS }));
  }
  await soon(async () => expect(instances.every(({ cache }) => cache.snapshot().redisConnected)).toBe(true));
});

afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.close()));
  await Promise.all([database.drop(), redis.stop()]);
});

async function tenant(): Promise<{ slug: string; id: string }> {
  const slug = randomSlug();
  await database.admin(insertTenants([slug]));
  const rows = await database.admin<{ id: string }>(`SELECT id FROM tenants WHERE slug = '${slug}'`);
  return { slug, id: rows[0]?.id ?? '' };
}

/** Reads on every instance until all of them return what is expected. */
async function onAll<T>(read: (instance: LookupInstance) => Promise<T>, expected: T): Promise<void> {
  await soon(async () => expect(await Promise.all(instances.map(read))).toEqual(instances.map(() => expected)));
}

describe('a change made with psql takes effect on every instance at once', () => {
  it('when a tenant is created that was looked up before', async () => {
    const slug = randomSlug();
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.slug, undefined);
    await database.admin(insertTenants([slug]));
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.slug, slug);
  });

  it('when a tenant is suspended', async () => {
    const { slug } = await tenant();
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.status, 'maintenance');
    await database.admin(`UPDATE tenants SET status = 'suspended' WHERE slug = '${slug}'`);
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.status, 'suspended');
  });

  it('when a tenant is renamed and another one gets its slug', async () => {
    const [a, b] = [await tenant(), await tenant()];
    await onAll(async ({ lookup }) => (await lookup.bySlug(a.slug))?.id, a.id);
    await database.admin(`UPDATE tenants SET slug = '${randomSlug()}' WHERE id = '${a.id}';
      UPDATE tenants SET slug = '${a.slug}' WHERE id = '${b.id}'`);
    await onAll(async ({ lookup }) => (await lookup.bySlug(a.slug))?.id, b.id);
    await onAll(async ({ lookup }) => (await lookup.bySlug(b.slug))?.id, undefined);
  });

  it('when a tenant is deleted with its keys and domains', async () => {
    const { slug, id } = await tenant();
    await database.admin(`INSERT INTO api_keys (id, tenant_id, secret_hash) VALUES ('key-${slug}', '${id}', 'x');
      INSERT INTO tenant_domains VALUES ('${slug}.example.com', '${id}')`);
    await onAll(async ({ lookup }) => (await lookup.apiKey(`key-${slug}`))?.tenantId, id);
    await onAll(async ({ lookup }) => (await lookup.byDomain(`${slug}.example.com`))?.id, id);
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.id, id);
    await database.admin(`DELETE FROM tenants WHERE id = '${id}'`);
    await onAll(({ lookup }) => lookup.byId(id), null);
    await onAll(({ lookup }) => lookup.bySlug(slug), null);
    await onAll(({ lookup }) => lookup.apiKey(`key-${slug}`), null);
    await onAll(({ lookup }) => lookup.byDomain(`${slug}.example.com`), null);
  });

  it('when a tenant is deleted and restored', async () => {
    const { slug, id } = await tenant();
    for (let n = 0; n < 3; n += 1) await database.admin(`UPDATE tenants SET message = '${n}' WHERE id = '${id}'`);
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, '2');
    await database.admin(`DELETE FROM tenants WHERE id = '${id}';
      INSERT INTO tenants (id, slug, isolation, message) VALUES ('${id}', '${slug}', 'row', 'back')`);
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, 'back');
    await database.admin(`UPDATE tenants SET message = 'changed' WHERE id = '${id}'`);
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, 'changed');
  });

  it('when an API key is revoked', async () => {
    const { slug, id } = await tenant();
    await database.admin(`INSERT INTO api_keys (id, tenant_id, secret_hash) VALUES ('key-${slug}', '${id}', 'x')`);
    await onAll(async ({ lookup }) => (await lookup.apiKey(`key-${slug}`))?.isRevoked, false);
    await database.admin(`UPDATE api_keys SET revoked_at = now() WHERE id = 'key-${slug}'`);
    await onAll(async ({ lookup }) => (await lookup.apiKey(`key-${slug}`))?.isRevoked, true);
  });

  it('when a domain is given to another tenant', async () => {
    const [a, b] = [await tenant(), await tenant()];
    const domain = `${a.slug}.example.org`;
    await database.admin(`INSERT INTO tenant_domains VALUES ('${domain}', '${a.id}')`);
    await onAll(async ({ lookup }) => (await lookup.byDomain(domain))?.id, a.id);
    await database.admin(`UPDATE tenant_domains SET tenant_id = '${b.id}' WHERE domain = '${domain}'`);
    await onAll(async ({ lookup }) => (await lookup.byDomain(domain))?.id, b.id);
  });

  it('when all tenants are truncated at once', async () => {
    const { slug } = await tenant();
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.slug, slug);
    await database.admin('TRUNCATE tenants CASCADE');
    await onAll(({ lookup }) => lookup.bySlug(slug), null);
  });
});

describe('concurrent readers and writers', () => {
  it('never leave an outdated value behind, even with a loader that finishes late', async () => {
    const slugs = Array.from({ length: 5 }, randomSlug);
    await database.admin(insertTenants(slugs));
    const written = new AbortController();
    const seen = new Map<string, number>();
    const readers = instances.map(async (instance, reader) => {
      while (!written.signal.aborted) {
        for (const slug of slugs) {
          const version = (await instance.lookup.bySlug(slug))?.version ?? 0;
          const before = seen.get(`${reader} ${slug}`) ?? 0;
          if (version < before) throw new Error(`instance ${reader} went back from ${before} to ${version}`);
          seen.set(`${reader} ${slug}`, version);
        }
        await new Promise(setImmediate);
      }
    });
    const writers = slugs.map(async (slug) => {
      for (let n = 0; n < 30; n += 1)
        await database.admin(`UPDATE tenants SET message = '${n}' WHERE slug = '${slug}'`);
    });
    await Promise.all(writers);
    written.abort();
    await Promise.all(readers);
    for (const slug of slugs) await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, '29');
  });
});

describe('announced versions', () => {
  it('that are false cost a second load and hide no later change', async () => {
    const { slug, id } = await tenant();
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, 'as created');
    const loads = (): number[] => instances.map(({ cache }) => cache.snapshot().loads);
    const before = loads();
    await database.admin(`SELECT pg_notify('tenantry_catalog', '{"tenantId":"${id}","version":2000000000}')`);
    await soon(async () => {
      await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, 'as created');
      expect(loads().every((count, n) => count > (before[n] ?? 0))).toBe(true); // the announcement has arrived
    });
    const after = loads();
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, 'as created');
    expect(loads()).toEqual(after);
    await database.admin(`UPDATE tenants SET message = 'changed' WHERE id = '${id}'`);
    await onAll(async ({ lookup }) => (await lookup.bySlug(slug))?.message, 'changed');
  });
});

describe('a name that cannot be a slug', () => {
  it.each(['', 'UPPER', 'a\0b', 'a'.repeat(64), "'; DROP TABLE tenants"])(
    'is rejected without a query: %j',
    async (slug) => {
      const [{ lookup, cache }] = instances as [LookupInstance];
      const { loads } = cache.snapshot();
      expect(await lookup.bySlug(slug)).toBeNull();
      expect(cache.snapshot().loads).toBe(loads);
    },
  );
});
