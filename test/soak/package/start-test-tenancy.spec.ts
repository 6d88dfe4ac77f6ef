import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Repository } from 'typeorm';
import { TenantLifecycle } from '../../../src/admin/tenants/tenant-lifecycle.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { TenantContext, TenantryModule, tenantRepositoryToken } from '../../../src/index.js';
import { startTestTenancy, withTenant } from '../../../src/testing.js';
import { Note, NotesModule } from '../../support/host/notes.module.js';
import { asSuperuser, createTestDatabase, testServer } from '../../support/postgres/postgres.js';

@Module({ imports: [TenantryModule.forRoot({ controlPlane: true }), NotesModule] })
class HostModule {}

const databaseUrl = serverUrl();

function serverUrl(): string {
  const { host, port, owner, ownerPassword } = testServer();
  return `postgres://${owner}:${encodeURIComponent(ownerPassword)}@${host}:${port}/tenantry`;
}

const start = () =>
  startTestTenancy({
    module: HostModule,
    databaseUrl,
    tenants: ['acme', { slug: 'globex', isolation: 'schema' }, { slug: 'initech', isolation: 'database' }],
  });

describe('startTestTenancy', () => {
  let tenancy: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => void (tenancy = await start()));
  afterEach(() => tenancy.reset());
  afterAll(() => tenancy.stop());

  const notes = (): Repository<Note> => tenancy.app.get(tenantRepositoryToken(Note), { strict: false });
  const call = (path: string, apiKey: string, body?: object) =>
    fetch(tenancy.url + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });

  it('serves tenants of each isolation to their own keys', async () => {
    for (const { slug, apiKey } of Object.values(tenancy.tenants)) {
      expect((await call('/notes', apiKey, { text: `of ${slug}` })).status).toBe(201);
    }
    for (const { slug, apiKey } of Object.values(tenancy.tenants)) {
      const text = await (await call('/notes', apiKey)).text();
      expect(text).toContain(`of ${slug}`);
      expect(text.match(/of /g)).toHaveLength(1);
    }
  });

  it('runs services in the context of a tenant, as its login role and under its policies', async () => {
    await tenancy.withTenant('acme', () => notes().insert({ text: 'mine' }));
    const seen = await withTenant(tenancy.app, 'globex', () => notes().count());
    const [row] = await tenancy.withTenant('acme', () =>
      notes().query<{ role: string }[]>('SELECT current_user AS role'),
    );
    expect({ seen, ...row }).toEqual({ seen: 0, role: expect.stringMatching(/^tenantry_test_.*_shared$/) });
  });

  it('gives the work the principal that the test names', async () => {
    const context = tenancy.app.get(TenantContext, { strict: false });
    const principal = { role: 'admin' };
    expect(await tenancy.withTenant('acme', () => context.current().principal, { principal })).toBe(principal);
  });

  it('begins again with tenants that are empty, active, and the same', async () => {
    const before = tenancy.tenants;
    const lifecycle = tenancy.app.get(TenantLifecycle, { strict: false });
    for (const slug of Object.keys(before)) await tenancy.withTenant(slug, () => notes().insert({ text: 'row' }));
    await lifecycle.suspend('globex', TENANTRY_ACTOR);
    const extra = await tenancy.createTenant('extra');
    expect((await call('/notes', extra.apiKey)).status).toBe(200);
    await tenancy.reset();
    expect(tenancy.tenants).toEqual(before);
    for (const slug of Object.keys(before)) expect(await tenancy.withTenant(slug, () => notes().count())).toBe(0);
    await expect(tenancy.withTenant('extra', () => notes().count())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('gives a deleted tenant back, with another id and key', async () => {
    const { id } = tenancy.tenants.acme;
    await tenancy.app.get(TenantLifecycle, { strict: false }).delete('acme', { graceSeconds: 0 }, TENANTRY_ACTOR);
    await tenancy.reset();
    const { acme } = tenancy.tenants;
    expect(acme.id).not.toBe(id);
    expect((await call('/notes', acme.apiKey)).status).toBe(200);
  });
});

describe('startTestTenancy with a function', () => {
  it('gives it the variables, and leaves no database, role or variable behind when it stops', async () => {
    const variables = { ...process.env };
    const createApp = async (env: Readonly<Record<string, string>>) => {
      @Module({ imports: [TenantryModule.forRoot({ env, controlPlane: true }), NotesModule] })
      class OwnModule {}
      const app = await NestFactory.create(OwnModule, { logger: false });
      return app.setGlobalPrefix('api');
    };
    const tenants = ['acme', { slug: 'initech', isolation: 'database' }] as const;
    const tenancy = await startTestTenancy({ createApp, databaseUrl, tenants });
    const headers = { authorization: `Bearer ${tenancy.tenants.acme.apiKey}` };
    expect((await fetch(`${tenancy.url}/api/notes`, { headers })).status).toBe(200);
    expect(process.env['DATABASE_URL']).toContain('/tenantry_test_');
    await tenancy[Symbol.asyncDispose]();
    expect({ ...process.env }).toEqual(variables);
    const left = await asSuperuser<{ name: string }>(
      'postgres',
      `SELECT datname AS name FROM pg_database WHERE datname LIKE 'tenantry\\_test\\_%'
       UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenantry\\_test\\_%'`,
    );
    expect(left).toEqual([]);
  });

  it('refuses an application on another database than that of the test, and leaves nothing behind', async () => {
    const other = await createTestDatabase();
    const env = { DATABASE_URL: other.url, ENABLE_REDIS_CACHE: 'false' };
    const variables = { ...process.env };
    const module = TenantryModule.forRoot({ env });
    await expect(startTestTenancy({ module, databaseUrl })).rejects.toMatchObject({ code: 'TEST_DATABASE_NOT_USED' });
    expect({ ...process.env }).toEqual(variables);
    await other.drop();
  });
});
