import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { targetPasswordContext } from '../../../src/catalog/entities/connection-target.entity.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { TARGET, TENANT } from '../../../src/tenant/directory/cached-kinds.js';
import type { TenantLookup } from '../../../src/tenant/directory/tenant-lookup.js';
import { testKeyRing } from '../../support/cache/cache-rig.js';
import { insertTenants, LookupInstance, randomSlug } from '../../support/cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';

let database: TestDatabase;
let instance: LookupInstance;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  instance = await LookupInstance.open(targetOfUrl(database.url, DEFAULT_SERVER));
});

afterAll(async () => {
  await instance.close();
  await database.drop();
});

/** A tenant that has been placed, with a key and a domain. */
async function placedTenant(sealed: (targetId: string) => string) {
  const [slug, targetId] = [randomSlug(), randomUUID()];
  await database.admin(
    `${insertTenants([slug])};
     INSERT INTO connection_targets (id, server_id, kind, database, role, password_sealed)
     SELECT '${targetId}', id, 'dedicated', '${slug}', '${slug}', '${sealed(targetId)}' FROM servers;
     UPDATE tenants SET target_id = '${targetId}', schema_name = 'tenant' WHERE slug = '${slug}';
     INSERT INTO api_keys (id, tenant_id, secret_hash) SELECT '${slug}', id, 'x' FROM tenants WHERE slug = '${slug}';
     INSERT INTO tenant_domains SELECT '${slug}.example.com', id FROM tenants WHERE slug = '${slug}'`,
  );
  const [row] = await database.admin<{ id: string }>(`SELECT id FROM tenants WHERE slug = '${slug}'`);
  return { slug, targetId, id: row?.id ?? '' };
}

const sealWell = (targetId: string): string => testKeyRing().encrypt('secret', targetPasswordContext(targetId));

it.each<[string, (lookup: TenantLookup, of: { slug: string; id: string }) => Promise<unknown>]>([
  ['a key', (lookup, { slug }) => lookup.apiKey(slug)],
  ['a slug', (lookup, { slug }) => lookup.bySlug(slug)],
  ['a domain', (lookup, { slug }) => lookup.byDomain(`${slug}.example.com`)],
  ['an id', (lookup, { id }) => lookup.byId(id)],
])('a lookup by %s caches the tenant and its target from the same query', async (_, find) => {
  const { lookup } = instance;
  const tenant = await placedTenant(sealWell);
  expect(await find(lookup, tenant)).not.toBeNull();
  expect(lookup.peek(TENANT, tenant.id)).toMatchObject({ slug: tenant.slug, targetId: tenant.targetId });
  expect(lookup.peek(TARGET, tenant.targetId)).toEqual({
    ...{ id: tenant.targetId, version: '1', shared: false, database: tenant.slug, role: tenant.slug },
    ...{ password: 'secret', server: expect.objectContaining({ host: '127.0.0.1' }) },
  });
});

it("a target whose password cannot be decrypted fails only its own lookup, not the tenant's", async () => {
  const { lookup } = instance;
  const tenant = await placedTenant(() => 'nonsense');
  expect(await lookup.bySlug(tenant.slug)).toMatchObject({ id: tenant.id });
  expect(lookup.peek(TARGET, tenant.targetId)).toBeUndefined();
  await expect(lookup.target(tenant.targetId)).rejects.toMatchObject({ code: 'SEAL_BROKEN' });
});
