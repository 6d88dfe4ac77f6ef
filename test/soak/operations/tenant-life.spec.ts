import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { targetPasswordContext } from '../../../src/catalog/entities/connection-target.entity.js';
import { type Isolation, ISOLATIONS } from '../../../src/catalog/model/tenant.js';
import { KeyRing } from '../../../src/platform/encryption/key-ring.js';
import { asSuperuser, createTestDatabase, testServer } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, type Answer, type Json, TestApp } from '../../support/test-app.js';
import { AdminClient } from '../../support/admin/admin-client.js';

const CUSTOMER = { name: 'Ada', email: 'ada@example.com' };

let app: TestApp;
let other: TestApp;
let admin: AdminClient;
let logged = '';
/** Values that only their holders may read. */
const secrets = new Set<string>([ADMIN_KEY, testServer().ownerPassword]);

beforeAll(async () => {
  const log = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  });
  const database = await createTestDatabase('catalog');
  app = await TestApp.over(database, { LOG_LEVEL: 'debug' }, log);
  other = await TestApp.over(database, { LOG_LEVEL: 'debug' }, log);
  admin = new AdminClient(app);
});

afterAll(async () => {
  await other.stop();
  await app.dispose();
});

describe.each(ISOLATIONS)('a tenant with isolation %s', (isolation) => {
  const slug = `life-${isolation}`;
  const neighbour = `neighbour-${isolation}`;
  let tenant: Json;
  let key: string;
  let neighboursKey: string;

  it('is created by an operation that can be followed and read', async () => {
    const created = await admin.send('POST', '/tenants', { body: { slug, isolation } });
    expect(created).toMatchObject({ status: 202, body: { tenant: { slug, isolation, status: 'provisioning' } } });
    const location = created.headers.get('location') ?? '';
    expect(location).toBe(`/admin/v1/operations/${created.body.operation.id}`);

    const follower = await admin.follow(`${location}/events`);
    await follower.ended();
    expect(follower.response.headers['content-type']).toMatch(/^text\/event-stream/);
    const last = follower.events.at(-1);
    expect(last).toMatchObject({ event: 'operation', data: { kind: 'provision', status: 'succeeded', subject: slug } });
    expect(last?.data.steps.every(({ status }: Json) => status === 'finished')).toBe(true);
    expect(await admin.ended(location)).toEqual(last?.data);

    tenant = (await admin.get(`/tenants/${slug}`)).body;
    expect(tenant).toMatchObject({ status: 'active', isolation, server: 'default', limits: {}, domains: [] });
    expect((await admin.get(`/tenants/${tenant.id}`)).body).toEqual(tenant);
    await rememberPassword(tenant.id);
    await admin.create(neighbour, isolation);
  });

  it('is accessed with an API key that is shown once', async () => {
    const issued = await admin.send('POST', `/tenants/${slug}/api-keys`, { body: { name: 'first' } });
    expect([issued.status, issued.headers.get('cache-control')]).toEqual([201, 'no-store']);
    key = issued.body.token;
    neighboursKey = await admin.issueKey(neighbour);
    secrets.add(key).add(neighboursKey);
    for (const apiKey of [key, neighboursKey]) {
      expect((await app.call('/api/v1/customers', { method: 'POST', apiKey, body: CUSTOMER })).status).toBe(201);
    }
    const { token: _token, ...shown } = issued.body;
    expect((await admin.get(`/tenants/${slug}/api-keys`)).body).toEqual([shown]);
  });

  it('receives limits and domains, and is selected by its domain', async () => {
    const change = { limits: { maxConcurrentStatements: 3 }, domains: [`${slug}.example.org`] };
    expect(await admin.send('PATCH', `/tenants/${slug}`, { body: change })).toMatchObject({
      status: 200,
      body: change,
    });
    const taken = await admin.send('PATCH', `/tenants/${neighbour}`, { body: { domains: change.domains } });
    expect([taken.status, taken.body.code]).toEqual([409, 'CONFLICT']);
    const headers = { host: `${slug}.example.org` };
    await soon(async () => {
      expect((await other.call('/api/v1/tenant', { apiKey: key, headers })).body).toMatchObject({ slug });
      expect((await other.call('/api/v1/tenant', { apiKey: neighboursKey, headers })).body.code).toBe(
        'TENANT_MISMATCH',
      );
    });
    expect((await admin.send('PATCH', `/tenants/${slug}`, { body: { domains: [] } })).body).toMatchObject({
      limits: change.limits,
      domains: [],
    });
  });

  it('is suspended and resumed', async () => {
    expect((await admin.send('POST', `/tenants/${slug}/suspend`)).body.status).toBe('suspended');
    await everywhere(async (call) => expect(codeOf(await call())).toEqual([403, 'TENANT_SUSPENDED']));
    expect((await admin.send('PUT', `/tenants/${slug}/maintenance`)).status).toBe(409);
    expect((await admin.send('POST', `/tenants/${slug}/resume`)).body.status).toBe('active');
    await everywhere(async (call) => expect((await call()).status).toBe(200));
  });

  it('enters maintenance with a message, and leaves it again', async () => {
    const begun = await admin.send('PUT', `/tenants/${slug}/maintenance`, { body: { message: 'back at nine' } });
    expect(begun).toMatchObject({ status: 200, body: { status: 'maintenance', message: 'back at nine' } });
    await everywhere(async (call) => {
      const answer = await call();
      expect([...codeOf(answer), answer.body.detail]).toEqual([503, 'TENANT_UNAVAILABLE', 'back at nine']);
    });
    const ended = await admin.send('DELETE', `/tenants/${slug}/maintenance`);
    expect(ended).toMatchObject({ status: 200, body: { status: 'active', message: null } });
    await everywhere(async (call) => expect((await call()).status).toBe(200));
  });

  it('has a key revoked, which every instance then rejects, long before its cached copy expires', async () => {
    const second = (await admin.send('POST', `/tenants/${slug}/api-keys`, { body: { expiresInDays: 1 } })).body;
    secrets.add(second.token);
    expect(Date.parse(second.expiresAt) - Date.parse(second.createdAt)).toBe(86_400_000); // one clock's, the catalog's
    await everywhere(async (call) => expect((await call(second.token)).status).toBe(200));
    const revoked = await admin.send('DELETE', `/tenants/${slug}/api-keys/${second.id}`);
    expect(revoked).toMatchObject({ status: 200, body: { id: second.id, revokedAt: expect.any(String) } });
    expect((await admin.send('DELETE', `/tenants/${slug}/api-keys/${second.id}`)).body).toEqual(revoked.body);
    await everywhere(async (call) => expect(codeOf(await call(second.token))).toEqual([401, 'UNAUTHENTICATED']));
    expect((await other.call('/api/v1/tenant', { apiKey: key })).status).toBe(200);
    expect((await admin.send('DELETE', `/tenants/${neighbour}/api-keys/${second.id}`)).status).toBe(404);
  });

  it('is deleted with a grace period, and restored within it', async () => {
    const deleted = await admin.send('DELETE', `/tenants/${slug}?graceSeconds=3600`);
    expect(deleted).toMatchObject({ status: 202, body: { kind: 'delete', status: 'pending', tenantId: tenant.id } });
    await everywhere(async (call) => expect(codeOf(await call())).toEqual([503, 'TENANT_UNAVAILABLE']));
    expect((await admin.send('DELETE', `/tenants/${slug}`)).status).toBe(409);
    expect((await admin.send('POST', `/tenants/${slug}/restore`)).body.status).toBe('active');
    expect((await admin.get(deleted.headers.get('location') ?? '')).body.status).toBe('cancelled');
    expect((await admin.send('POST', `/tenants/${slug}/restore`)).status).toBe(409);
    expect((await admin.send('POST', `/operations/${deleted.body.id}/retry`)).status).toBe(409);
    await everywhere(async (call) => expect((await call()).status).toBe(200));
    const { body } = await app.call('/api/v1/customers', { apiKey: key });
    expect(body.items).toMatchObject([CUSTOMER]);
  });

  it('is deleted completely, while its neighbour keeps all rows', async () => {
    expect(await remains(isolation, tenant)).toBeGreaterThan(0);
    const deleted = await admin.send('DELETE', `/tenants/${slug}?graceSeconds=0`);
    await soon(async () => {
      expect((await admin.get(`/operations/${deleted.body.id}`)).body.startedAt).not.toBeNull();
    });
    expect((await admin.send('POST', `/tenants/${slug}/restore`)).body.code).toBe('CONFLICT');
    expect(await admin.ended(deleted.headers.get('location'))).toMatchObject({ status: 'succeeded' });
    expect(await remains(isolation, tenant)).toBe(0);
    expect((await admin.get(`/tenants/${slug}`)).status).toBe(404);
    await everywhere(async (call) => expect((await call()).status).toBe(401));
    for (const instance of [app, other]) {
      const { body } = await instance.call('/api/v1/customers', { apiKey: neighboursKey });
      expect(body.items).toMatchObject([CUSTOMER]);
    }
    const ofTheDeleted = (await admin.get(`/operations?tenant=${tenant.id}`)).body.items;
    expect(ofTheDeleted.map(({ kind }: Json) => kind)).toEqual(['delete', 'delete', 'provision']);
    expect((await admin.get(`/operations?tenant=${slug}`)).body.items).toEqual([]);

    expect((await admin.create(slug, isolation)).id).not.toBe(tenant.id);
    const { body } = await app.call('/api/v1/customers', { apiKey: await admin.issueKey(slug) });
    expect(body.items).toEqual([]);
  });

  it('has every change in the audit log, with the actor and the values before and after, and without its name', async () => {
    const pseudonym = `deleted-${tenant.id.slice(0, 8)}`;
    const { items } = (await admin.get(`/audit?subject=${tenant.id}&limit=1000`)).body;
    expect(items.every(({ subject }: Json) => subject === pseudonym)).toBe(true);
    const entries = items.filter(({ subjectId }: Json) => subjectId === tenant.id).toReversed();
    expect(entries.map(({ actor, action, before, after }: Json) => [actor, action, before, after])).toEqual([
      ['admin key', 'tenant.create', null, { slug: pseudonym, isolation, server: 'default', limits: {}, domains: [] }],
      [
        ...['admin key', 'tenant.change', { limits: {}, domains: [] }],
        { limits: { maxConcurrentStatements: 3 }, domains: [pseudonym] },
      ],
      ['admin key', 'tenant.change', { domains: [pseudonym] }, { domains: [] }],
      ...[change('suspend', 'active', 'suspended', null), change('resume', 'suspended', 'active')],
      change('maintenance', 'active', 'maintenance', 'back at nine'),
      [
        ...['admin key', 'tenant.maintenance-end', { status: 'maintenance', message: 'back at nine' }],
        { status: 'active', message: null },
      ],
      ['admin key', 'tenant.delete', { status: 'active' }, { status: 'deleting', graceSeconds: 3600 }],
      ['admin key', 'tenant.restore', { status: 'deleting' }, { status: 'active' }],
      ['admin key', 'tenant.delete', { status: 'active' }, { status: 'deleting', graceSeconds: 0 }],
      ['tenantry', 'tenant.removed', null, null],
    ]);
    const ofKeys = items.filter(({ subjectKind }: Json) => subjectKind === 'api-key').toReversed();
    expect(
      ofKeys.map(({ action, before, after }: Json) => [action, before?.revokedAt, typeof after.revokedAt]),
    ).toEqual([
      ['api-key.issue', undefined, 'object'],
      ['api-key.issue', undefined, 'object'],
      ['api-key.revoke', null, 'string'],
    ]);
  });

  /** Asserts on both instances, as soon as they have received the change. */
  async function everywhere(holds: (call: (apiKey?: string) => Promise<Answer>) => Promise<void>): Promise<void> {
    for (const instance of [app, other]) {
      await soon(() => holds((apiKey = key) => instance.call('/api/v1/customers', { apiKey })));
    }
  }
});

it.each([
  ['select', 'schema'],
  ['constructor', 'row'],
  ['a'.repeat(63), 'database'],
  [`b${'-'.repeat(61)}b`, 'schema'],
])('a tenant can have the slug %s', async (slug, isolation) => {
  await admin.create(slug, isolation);
  const apiKey = await admin.issueKey(slug);
  secrets.add(apiKey);
  expect((await app.call('/api/v1/customers', { method: 'POST', apiKey, body: CUSTOMER })).status).toBe(201);
});

it('no secret appears in the audit log, in operations or in the log', async () => {
  expect(secrets.size).toBeGreaterThan(2 + 3 * 3);
  expect(logged).toMatch(/POST \/admin\/v1\/tenants\/:slug\/api-keys 201/);
  const rows = await Promise.all([
    app.database.admin('SELECT * FROM audit_log'),
    app.database.admin('SELECT * FROM operations'),
    app.database.admin('SELECT * FROM operation_tenants'),
    app.database.admin('SELECT * FROM idempotency_keys'),
  ]);
  const written = JSON.stringify(rows) + logged;
  for (const secret of secrets) expect(written.includes(secret)).toBe(false);
});

function change(action: string, from: string, to: string, message?: string | null): unknown[] {
  const after = { status: to, ...(message !== undefined && { message }) };
  return ['admin key', `tenant.${action}`, { status: from, message: null }, after];
}

function codeOf({ status, body }: Answer): [number, string] {
  return [status, body.code];
}

async function rememberPassword(tenantId: string): Promise<void> {
  const [target] = await app.database.admin<{ id: string; password_sealed: string }>(
    'SELECT c.id, c.password_sealed FROM connection_targets c JOIN tenants t ON t.target_id = c.id WHERE t.id = $1',
    [tenantId],
  );
  const context = targetPasswordContext(target?.id ?? '');
  secrets.add(app.application.nest.get(KeyRing).decrypt(target?.password_sealed ?? '', context));
}

/** How much of a tenant a superuser finds: rows, its schema, its database, its role. */
async function remains(isolation: Isolation, { id, schema, database }: Json): Promise<number> {
  const query = {
    row: [database, `SELECT count(*)::int FROM ${schema}.customers WHERE tenant_id = $1`, [id]],
    schema: [database, 'SELECT count(*)::int FROM pg_namespace WHERE nspname = $1', [schema]],
    database: [
      'postgres',
      `SELECT (SELECT count(*) FROM pg_database WHERE datname = $1)::int +
              (SELECT count(*) FROM pg_roles WHERE rolname = $1)::int AS count`,
      [database],
    ],
  } as const;
  const [row] = await asSuperuser<{ count: number }>(
    ...(query[isolation] as unknown as Parameters<typeof asSuperuser>),
  );
  return row?.count ?? 0;
}
