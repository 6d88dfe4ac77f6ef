import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ISOLATIONS } from '../../../src/catalog/model/tenant.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { Cli } from '../../support/cli/cli.js';
import { createTestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything, type Json, TestApp } from '../../support/test-app.js';

const TABLES = [
  'servers',
  'connection_targets',
  'tenants',
  'api_keys',
  'tenant_domains',
  'operations',
  'operation_tenants',
  'audit_log',
  'idempotency_keys',
  'catalog_migrations',
];

let app: TestApp;
let admin: AdminClient;

/** Tables of another application under every name of the catalog's, in the schemas that are found first by default. */
beforeAll(async () => {
  const database = await createTestDatabase('catalog');
  const others = ['public', 'tenantry'].flatMap((schema) => TABLES.map((table) => `${schema}.${table}`));
  await database.admin('CREATE SCHEMA tenantry AUTHORIZATION tenantry');
  for (const table of others)
    await database.admin(`CREATE TABLE ${table} (nr int); ALTER TABLE ${table} OWNER TO tenantry`);
  app = await TestApp.over(database, { CATALOG_SCHEMA: 'control' });
  admin = new AdminClient(app);
});

afterAll(async () => {
  await app.stop();
  await app.database.admin('DROP SCHEMA public, tenantry CASCADE; ALTER SCHEMA control RENAME TO tenantry');
  await dropEverything(app.database);
});

describe('with the catalog in a schema of its own, beside tables of the same names', () => {
  it.each(ISOLATIONS)('a tenant with isolation %s lives from its creation to its deletion', async (isolation) => {
    const slug = `own-${isolation}`;
    const created = await admin.send('POST', '/tenants', { body: { slug, isolation, domains: [`${slug}.example`] } });
    await admin.ended(created.headers.get('location') ?? '');
    const { body: key } = await admin.send('POST', `/tenants/${slug}/api-keys`, { body: { name: 'first' } });
    expect(await app.call('/api/v1/customers', { apiKey: key.token })).toMatchObject({ status: 200 });

    await app.database.admin(`UPDATE control.tenants SET status = 'suspended' WHERE slug = $1`, [slug]);
    expect(await admin.get(`/tenants/${slug}`)).toMatchObject({ status: 200, body: { status: 'suspended' } });
    expect((await admin.send('POST', `/tenants/${slug}/resume`)).status).toBe(200);
    expect((await admin.get(`/audit?subject=${slug}`)).body.items.length).toBeGreaterThan(0);

    const deleted = await admin.send('DELETE', `/tenants/${slug}?graceSeconds=0`);
    expect(await admin.ended(deleted.headers.get('location') ?? '')).toMatchObject({ status: 'succeeded' });
  });

  it('lists, counts and checks read the catalog', async () => {
    expect(await app.application.hasTenants()).toBe(false);
    await app.provision('listed', 'row');
    expect(await app.application.hasTenants()).toBe(true);
    expect((await admin.get('/servers')).body).toMatchObject([{ name: 'default' }]);
    expect((await admin.get('/tenants')).body.items.map(({ slug }: Json) => slug)).toEqual(['listed']);
    const fleet = await admin.send('POST', '/operations', { body: { kind: 'migrate' } });
    expect(await admin.ended(fleet.headers.get('location') ?? '')).toMatchObject({ status: 'succeeded' });
    const { findings } = (await new Cli(app.env).run('doctor', '--json')).json as Json;
    expect(findings.filter(({ verdict }: Json) => verdict === 'fail')).toEqual([]);
  });

  it('leaves the other tables empty', async () => {
    for (const table of TABLES) {
      expect(await app.database.admin(`TABLE public.${table}`)).toEqual([]);
      expect(await app.database.admin(`TABLE tenantry.${table}`)).toEqual([]);
    }
  });
});
