import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { type Answer, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;
let acme: TestTenant;
let umbrella: TestTenant;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  acme = await app.provision('acme', 'row');
  umbrella = await app.provision('umbrella', 'row');
  for (const tenant of [acme, umbrella]) {
    for (const name of ['Ada', 'Grace']) {
      const body = { name, email: `${name.toLowerCase()}@${tenant.slug}.test` };
      const customer = await app.call('/api/v1/customers', { method: 'POST', apiKey: tenant.apiKey, body });
      expect(customer.status).toBe(201);
    }
  }
});
afterAll(async () => app.dispose());

const request = (source: string, body: object, headers = {}): Promise<Answer> =>
  admin.send('POST', `/tenants/${source}/clone`, { body, headers });

const operationOf = ({ headers }: Answer): Promise<Json> => admin.ended(headers.get('location'));

async function cloned(
  source: string,
  body: { readonly slug: string; readonly [option: string]: unknown },
  rows = 2,
): Promise<Json> {
  const requested = await request(source, body);
  expect([requested.status, requested.body]).toMatchObject([202, { tenant: { status: 'provisioning' } }]);
  expect(await operationOf(requested)).toMatchObject({
    kind: 'clone',
    status: 'succeeded',
    result: { tables: 3, rows },
  });
  return (await admin.get(`/tenants/${body.slug}`)).body;
}

/** By name, as the tenant itself sees them. */
async function customersOf(apiKey: string): Promise<Json[]> {
  const { status, body } = await app.call('/api/v1/customers', { apiKey });
  expect(status).toBe(200);
  return body.items.toSorted((a: Json, b: Json) => (a.id < b.id ? -1 : 1));
}

describe('a clone', () => {
  it('has the rows of the tenant, at its place or at another one, and is changed without it', async () => {
    const expected = await customersOf(acme.apiKey);
    expect(expected.map(({ name }) => name).toSorted()).toEqual(['Ada', 'Grace']);
    const places = [
      ['acme-row', {}, { isolation: 'row', schema: 'shared' }],
      ['acme-schema', { isolation: 'schema' }, { isolation: 'schema' }],
      ['acme-database', { isolation: 'database', domains: ['staging.acme.test'] }, { domains: ['staging.acme.test'] }],
    ] as const;
    for (const [slug, options, place] of places) {
      expect(await cloned('acme', { slug, ...options })).toMatchObject({
        status: 'active',
        server: 'default',
        ...place,
      });
      const apiKey = await admin.issueKey(slug);
      expect(await customersOf(apiKey)).toEqual(expected);
      const added = { name: 'New', email: 'new@acme.test' };
      expect((await app.call('/api/v1/customers', { method: 'POST', apiKey, body: added })).status).toBe(201);
    }
    await cloned('acme-schema', { slug: 'again' }, 3);
    expect((await admin.get('/tenants/again')).body).toMatchObject({ isolation: 'schema', status: 'active' });
    expect(await customersOf(acme.apiKey)).toEqual(expected);
    expect((await customersOf(umbrella.apiKey)).map(({ email }) => email)).toContain('ada@umbrella.test');
  });

  it('begins with what was decided for the tenant: plan, limits, settings and feature flags, each then changed without it', async () => {
    await admin.send('POST', '/plans', { body: { name: 'pro', settings: { maxOrderLines: 50 } } });
    await admin.send('PATCH', '/tenants/acme', {
      body: { plan: 'pro', limits: { maxConcurrentStatements: 12, maxQueuedStatements: 70 } },
    });
    const decided = { settings: { maxOrderLines: 7 }, features: { orderSummary: false } };
    await admin.send('PATCH', '/tenants/acme/settings', { body: decided });
    await cloned('acme', { slug: 'decided', limits: { maxQueuedStatements: 80 } });
    await admin.send('PATCH', '/tenants/acme/settings', { body: { settings: { maxOrderLines: 8 } } });
    expect((await admin.get('/tenants/decided/settings')).body).toMatchObject({
      plan: 'pro',
      own: { ...decided, limits: { maxConcurrentStatements: 12, maxQueuedStatements: 80 } },
    });
  });

  it('is masked by what the application declares, also of a tenant that is suspended', async () => {
    await admin.send('POST', '/tenants/umbrella/suspend');
    await cloned('umbrella', { slug: 'masked', masked: true });
    await admin.send('POST', '/tenants/umbrella/resume');
    const [before, after] = [await customersOf(umbrella.apiKey), await customersOf(await admin.issueKey('masked'))];
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    for (const { name, email } of after) {
      expect([name, email]).toEqual([
        expect.stringMatching(/^Customer [0-9a-f]{16}$/),
        expect.stringMatching(/^[0-9a-f]{16}@example[.]com$/),
      ]);
    }
    const { body: audit } = await admin.get('/audit?action=tenant.clone');
    expect(audit.items[0]).toMatchObject({
      subject: 'masked',
      after: { slug: 'masked', isolation: 'row', server: 'default', of: umbrella.id, masked: true },
    });
  });

  it('is requested once with the same key', async () => {
    const key = { 'idempotency-key': 'clone-1' };
    const [first, second] = [
      await request('acme', { slug: 'once' }, key),
      await request('acme', { slug: 'once' }, key),
    ];
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(second.body).toEqual(first.body);
    expect(await operationOf(first)).toMatchObject({ status: 'succeeded' });
    expect((await request('umbrella', { slug: 'once' }, key)).body.code).toBe('CONFLICT');
  });

  it('is refused without a slug, with one in use, of no tenant, to no server, and of one that is being deleted', async () => {
    const code = async (source: string, body: object): Promise<unknown> => (await request(source, body)).body.code;
    expect(await code('acme', {})).toBe('VALIDATION_FAILED');
    expect(await code('acme', { slug: 'umbrella' })).toBe('CONFLICT');
    expect(await code('absent', { slug: 'copy' })).toBe('NOT_FOUND');
    expect(await code('acme', { slug: 'copy', server: 'absent' })).toBe('NOT_FOUND');
    await cloned('acme', { slug: 'leaving' });
    await admin.send('DELETE', '/tenants/leaving');
    expect(await code('leaving', { slug: 'copy' })).toBe('CONFLICT');
    expect((await admin.get('/tenants/copy')).status).toBe(404);
  });

  it('that fails leaves a tenant that is not served, to be retried or deleted', async () => {
    const source = await cloned('acme', { slug: 'older', isolation: 'schema' });
    const recorded = `"${source.schema}".schema_migrations`;
    const rename = (name: string, to: string): Promise<unknown> =>
      asSuperuser(source.database, `UPDATE ${recorded} SET name = '${to}' WHERE name = '${name}'`);
    await rename(source.schemaVersion, 'Older1764000000001');
    const requests = [await request('older', { slug: 'retried' }), await request('older', { slug: 'given-up' })];
    for (const requested of requests) {
      expect(await operationOf(requested)).toMatchObject({
        status: 'failed',
        error: { code: 'CLONE_REFUSED', message: expect.stringContaining('migrate first') },
      });
    }
    for (const slug of ['retried', 'given-up'])
      expect((await admin.get(`/tenants/${slug}`)).body.status).toBe('failed');
    await rename('Older1764000000001', source.schemaVersion);

    const location = requests[0]!.headers.get('location');
    expect((await admin.send('POST', `${location}/retry`)).status).toBe(202);
    expect(await admin.ended(location)).toMatchObject({ status: 'succeeded', result: { rows: 2 } });
    expect((await admin.get('/tenants/retried')).body).toMatchObject({ status: 'active' });

    const remove = (slug: string): Promise<Answer> => admin.send('DELETE', `/tenants/${slug}?graceSeconds=0`);
    expect(await operationOf(await remove('older'))).toMatchObject({ status: 'succeeded' });
    const late = requests[1]!.headers.get('location');
    await admin.send('POST', `${late}/retry`);
    expect(await admin.ended(late)).toMatchObject({
      status: 'failed',
      error: { code: 'CLONE_REFUSED', message: 'the tenant cannot be cloned: it has been deleted' },
    });
    expect(await operationOf(await remove('given-up'))).toMatchObject({ status: 'succeeded' });
  });
});
