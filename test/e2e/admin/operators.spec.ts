import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient, type RequestOptions } from '../../support/admin/admin-client.js';
import { newBearerKey } from '../../../src/catalog/model/bearer-key.js';
import { soon } from '../../support/load/soon.js';
import { type Answer, type Json, TestApp } from '../../support/test-app.js';

/** What a role must be at least, and for which operators who are limited to some tenants a route is. */
type Rights = readonly ['viewer' | 'operator' | 'admin', 'tenant' | 'filtered' | 'installation'];

const READ: Rights = ['viewer', 'installation'];
const WORK: Rights = ['operator', 'installation'];
const MANAGE: Rights = ['admin', 'installation'];
const READ_TENANT: Rights = ['viewer', 'tenant'];
const WORK_ON_TENANT: Rights = ['operator', 'tenant'];
const READ_OWN: Rights = ['viewer', 'filtered'];
const WORK_ON_OWN: Rights = ['operator', 'filtered'];

/** Every route of the control plane. */
const ROUTES: Readonly<Record<string, Rights>> = {
  'GET /audit': READ_OWN,
  'GET /backups': READ,
  'POST /backups': WORK,
  'POST /backups/{id}/drill': WORK,
  'POST /backups/{id}/restore': WORK,
  'GET /connections': READ,
  'GET /doctor': WORK,
  'GET /exports': READ,
  'GET /exports/{id}': READ,
  'DELETE /exports/{id}': WORK,
  'GET /exports/{id}/content': WORK,
  'POST /migrations/preview': WORK,
  'GET /operations': READ_OWN,
  'POST /operations': WORK,
  'GET /operations/{id}': READ_OWN,
  'POST /operations/{id}/cancel': WORK_ON_OWN,
  'GET /operations/{id}/erasure-report': READ,
  'GET /operations/{id}/events': READ_OWN,
  'GET /operations/{id}/hooks': READ_OWN,
  'POST /operations/{id}/retry': WORK_ON_OWN,
  'GET /operations/{id}/tenants': READ_OWN,
  'GET /operators': MANAGE,
  'POST /operators': MANAGE,
  'GET /operators/me': READ_OWN,
  'GET /operators/{name}': MANAGE,
  'PATCH /operators/{name}': MANAGE,
  'DELETE /operators/{name}': MANAGE,
  'POST /operators/{name}/keys': MANAGE,
  'POST /operators/{name}/readmit': MANAGE,
  'DELETE /operators/{name}/sessions': MANAGE,
  'DELETE /operators/{name}/keys/{id}': MANAGE,
  'GET /plans': READ,
  'POST /plans': WORK,
  'GET /plans/{name}': READ,
  'PATCH /plans/{name}': WORK,
  'DELETE /plans/{name}': WORK,
  'GET /rebalance': READ,
  'GET /reference-data': READ,
  'POST /reference-data/{table}': WORK,
  'GET /reports/orders': MANAGE, // the sample application's, which says nothing else
  'GET /instances': READ,
  'GET /runtime': READ,
  'GET /servers': READ,
  'POST /servers': MANAGE,
  'GET /servers/{name}': READ,
  'PATCH /servers/{name}': MANAGE,
  'DELETE /servers/{name}': MANAGE,
  'POST /servers/{name}/drain': MANAGE,
  'POST /servers/{name}/undrain': MANAGE,
  'GET /tenant-counts': READ_OWN,
  'GET /tenants': READ_OWN,
  'POST /tenants': WORK,
  'POST /tenants/bulk': WORK,
  'POST /tenants/import': WORK,
  'GET /tenants/{slug}': READ_TENANT,
  'PATCH /tenants/{slug}': WORK_ON_TENANT,
  'DELETE /tenants/{slug}': WORK_ON_TENANT,
  'GET /tenants/{slug}/api-keys': READ_TENANT,
  'POST /tenants/{slug}/api-keys': WORK_ON_TENANT,
  'DELETE /tenants/{slug}/api-keys/{id}': WORK_ON_TENANT,
  'POST /tenants/{slug}/clone': WORK,
  'POST /tenants/{slug}/export': WORK_ON_TENANT,
  'GET /tenants/{slug}/health': READ_TENANT,
  'POST /tenants/{slug}/impersonations': WORK_ON_TENANT,
  'PUT /tenants/{slug}/maintenance': WORK_ON_TENANT,
  'DELETE /tenants/{slug}/maintenance': WORK_ON_TENANT,
  'POST /tenants/{slug}/move': WORK_ON_TENANT,
  'POST /tenants/{slug}/move/back': WORK_ON_TENANT,
  'POST /tenants/{slug}/move/finish': WORK_ON_TENANT,
  'POST /tenants/{slug}/move/preview': WORK_ON_TENANT,
  'POST /tenants/{slug}/restore': WORK_ON_TENANT,
  'POST /tenants/{slug}/resume': WORK_ON_TENANT,
  'GET /tenants/{slug}/settings': READ_TENANT,
  'PATCH /tenants/{slug}/settings': WORK_ON_TENANT,
  'GET /tenants/{slug}/stored-size': READ_TENANT,
  'POST /tenants/{slug}/stored-size': WORK_ON_TENANT,
  'POST /tenants/{slug}/suspend': WORK_ON_TENANT,
  'GET /usage': READ_OWN,
  'GET /usage/events': READ_OWN,
  'GET /usage/now': READ_OWN,
  'GET /usage/totals': READ_OWN,
};

const NO_SUCH = '00000000-0000-4000-8000-000000000000';
const BASE_DOMAIN = 'base.example.com';
const ROLES = ['viewer', 'operator', 'admin'] as const;

/** Sessions are taken where operators sign in through a provider, which is not asked here. */
const SIGN_IN = {
  PUBLIC_URL: 'https://admin.example.test',
  OIDC_ISSUER: 'https://login.example.test',
  OIDC_CLIENT_ID: 'console',
  OIDC_ROLES: 'staff=viewer',
};

let app: TestApp;
let admin: AdminClient;

/** An operator's own client. */
class OperatorClient extends AdminClient {
  constructor(private readonly key: string) {
    super(app);
  }

  override send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const url = path.startsWith('/admin/') ? path : `/admin/v1${path}`;
    return app.call(url, { method, apiKey: this.key, ...options });
  }
}

/** The same with a session, as the console has it after a sign-in through the provider. */
class SessionClient extends AdminClient {
  constructor(private readonly token: string) {
    super(app);
  }

  static async of(client: AdminClient): Promise<SessionClient> {
    const { id } = (await client.get('/operators/me')).body;
    const { keyId, secretHash, token } = newBearerKey('ses');
    await app.database.admin(
      `INSERT INTO operator_sessions (id, operator_id, secret_hash, expires_at)
       VALUES ('${keyId}', '${id}', '${secretHash}', now() + interval '1 hour')`,
    );
    return new SessionClient(token);
  }

  override send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const session = { cookie: `__Host-tenantry-session=${this.token}`, 'x-tenantry-console': '1' };
    return app.call(`/admin/v1${path}`, { method, ...options, headers: { ...session, ...options.headers } });
  }
}

async function operator(name: string, options: object): Promise<OperatorClient> {
  const answer = await admin.send('POST', '/operators', { body: { name, ...options } });
  expect(answer.status).toBe(201);
  return new OperatorClient(answer.body.token);
}

function pathOf(route: string, tenant = 'nothing'): readonly [method: string, path: string] {
  const [method = '', path = ''] = route.split(' ');
  const values: Readonly<Record<string, string>> = { slug: tenant, id: NO_SUCH, name: 'nothing', table: 'nothing' };
  return [method, path.replace(/\{(\w+)\}/g, (_all, name: string) => values[name]!)];
}

function callRoute(client: AdminClient, route: string, tenant?: string): Promise<Answer> {
  const [method, path] = pathOf(route, tenant);
  const headers = { 'last-event-id': 'none' }; // no stream begins with it, which would not end
  return client.send(method, path, /^P/.test(method) ? { body: {} } : { headers });
}

/** Whether the answer is that of a route which does not admit its caller, or not to this tenant. */
function outcomeOf({ status, body }: Answer): 'admitted' | 'unauthenticated' | 'forbidden' | 'no such tenant' {
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  return status === 404 && body.detail.startsWith('no such tenant') ? 'no such tenant' : 'admitted';
}

async function entriesOf(action: string): Promise<Json[]> {
  return (await admin.get(`/audit?action=${action}`)).body.items;
}

beforeAll(async () => {
  app = await TestApp.start({ ...SIGN_IN, TENANT_BASE_DOMAIN: BASE_DOMAIN });
  admin = new AdminClient(app);
  await app.provision('acme', 'row');
  await app.provision('globex', 'row');
  await admin.send('PATCH', '/tenants/acme', { body: { groups: ['emea'] } });
});

afterAll(async () => app.dispose());

describe('every route of the control plane', () => {
  it('is in the table of rights', async () => {
    const { paths } = (await app.call('/docs-json')).body as { paths: Record<string, object> };
    const documented = Object.entries(paths)
      .filter(([path]) => path.startsWith('/admin/v1/'))
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.slice('/admin/v1'.length)}`),
      );
    expect(documented.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  it.each(ROLES.flatMap((role) => [[role, 'key'] as const, [role, 'session'] as const]))(
    'admits %ss with a %s where their role is enough, and refuses them everywhere else',
    async (role, credential) => {
      const byKey = await operator(`a-${role}-${credential}`, { role });
      const client = credential === 'key' ? byKey : await SessionClient.of(byKey);
      for (const [route, [required]] of Object.entries(ROUTES)) {
        const isEnough = ROLES.indexOf(role) >= ROLES.indexOf(required);
        const outcome = outcomeOf(await callRoute(client, route));
        expect([route, outcome === 'forbidden']).toEqual([route, !isEnough]);
      }
    },
  );

  it.each(['ended_at', 'expires_at'])('refuses a session whose %s has come', async (column) => {
    const client = await SessionClient.of(await operator(`session-${column.replace('_', '-')}`, { role: 'admin' }));
    const { id } = (await client.get('/operators/me')).body;
    await app.database.admin(`UPDATE operator_sessions SET ${column} = now() WHERE operator_id = '${id}'`);
    for (const route of Object.keys(ROUTES)) {
      expect([route, outcomeOf(await callRoute(client, route))]).toEqual([route, 'unauthenticated']);
    }
  });

  it('shows operators who are limited to a group no tenant of another one, and nothing of the installation', async () => {
    const client = await operator('limited', { role: 'operator', limitedTo: { groups: ['emea'] } });
    const globex = (await admin.get('/tenants/globex')).body;
    for (const [route, [role, reach]] of Object.entries(ROUTES)) {
      const foreign = outcomeOf(await callRoute(client, route, 'globex'));
      const expected = { tenant: 'no such tenant', filtered: 'admitted', installation: 'forbidden' } as const;
      expect([route, foreign]).toEqual([route, role === 'admin' ? 'forbidden' : expected[reach]]);
      if (reach === 'tenant')
        expect([route, outcomeOf(await callRoute(client, route, 'acme'))]).toEqual([route, 'admitted']);
    }
    expect((await admin.get('/tenants/globex')).body).toEqual(globex);
    expect((await admin.get(`/audit?subject=${globex.id}&action=tenant.suspend`)).body.items).toEqual([]);
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['expired', (id) => app.database.admin(`UPDATE operator_keys SET expires_at = now() WHERE operator_id = '${id}'`)],
    [
      'been revoked',
      (id) => app.database.admin(`UPDATE operator_keys SET revoked_at = now() WHERE operator_id = '${id}'`),
    ],
  ])('refuses a key that has %s', async (what, end) => {
    const name = `has-${what.replace(' ', '-')}`;
    const client = await operator(name, { role: 'admin' });
    expect((await client.get('/operators/me')).body).toMatchObject({ name, role: 'admin' });
    await end((await client.get('/operators/me')).body.id);
    for (const route of Object.keys(ROUTES)) {
      expect([route, outcomeOf(await callRoute(client, route))]).toEqual([route, 'unauthenticated']);
    }
  });

  it("refuses an operator's key on a tenant's route, and a tenant's key here", async () => {
    const client = await operator('astray', { role: 'admin' });
    expect((await client.send('GET', '/tenants')).status).toBe(200);
    const key = await admin.issueKey('globex');
    expect(await app.call('/admin/v1/tenants', { apiKey: key })).toMatchObject({ status: 403 });
    const token = (await admin.send('POST', '/operators/astray/keys')).body.token;
    expect(await app.call('/api/v1/orders', { apiKey: token })).toMatchObject({ status: 403 });
  });
});

describe('lists', () => {
  it('have what a limited operator may see', async () => {
    const client = await operator('lists', { role: 'viewer', limitedTo: { tenants: ['globex'] } });
    const slugs = (await client.get('/tenants')).body.items.map(({ slug }: Json) => slug);
    expect(slugs).toEqual(['globex']);
    expect((await client.get('/tenant-counts')).body).toMatchObject({ total: 1, byIsolation: { row: 1 } });
    expect((await admin.get('/tenant-counts')).body.total).toBe(2);
    const globex = (await client.get('/tenants/globex')).body;
    const operations = (await client.get('/operations')).body.items;
    expect(operations.map(({ tenantId }: Json) => tenantId)).toEqual([globex.id]);
    const [own] = operations;
    expect((await client.get(`/operations/${own.id}`)).status).toBe(200);
    const [foreign] = (await admin.get('/operations?tenant=acme')).body.items;
    for (const path of ['', '/tenants', '/hooks', '/events']) {
      expect(await client.get(`/operations/${foreign.id}${path}`)).toMatchObject({ status: 404 });
    }
    const entries = (await client.get('/audit')).body.items;
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.filter(({ subject }: Json) => !subject.endsWith('globex'))).toEqual([]);
  });
});

describe('an operator', () => {
  it('is created with a key, changed, and revoked; a name can be used again then', async () => {
    const client = await operator('carla', { role: 'viewer', expiresInDays: 30 });
    expect((await client.send('POST', '/tenants/globex/suspend')).status).toBe(403);
    await admin.send('PATCH', '/operators/carla', { body: { role: 'operator' } });
    expect((await client.send('POST', '/tenants/globex/resume')).status).toBe(200);
    expect(await admin.send('POST', '/operators', { body: { name: 'carla', role: 'viewer' } })).toMatchObject({
      status: 409,
    });
    expect((await admin.send('DELETE', '/operators/carla')).body.revokedAt).not.toBeNull();
    expect((await client.get('/operators/me')).status).toBe(401);
    await operator('carla', { role: 'viewer' });
    expect((await client.get('/operators/me')).status).toBe(401);
  });

  it('has further keys, each of which is revoked alone', async () => {
    const first = await operator('dora', { role: 'viewer' });
    const issued = (await admin.send('POST', '/operators/dora/keys', { body: { expiresInDays: 1 } })).body;
    const second = new OperatorClient(issued.token);
    const keyId = issued.token.split('_')[1];
    expect(issued.operator.keys).toHaveLength(2);
    await admin.send('DELETE', `/operators/dora/keys/${keyId}`);
    expect([(await first.get('/operators/me')).status, (await second.get('/operators/me')).status]).toEqual([200, 401]);
  });

  it.each<[string, object]>([
    ['an admin who is limited', { name: 'x', role: 'admin', limitedTo: { groups: ['emea'] } }],
    ['limits that name nothing', { name: 'x', role: 'viewer', limitedTo: {} }],
    ['a name of another actor', { name: 'tenantry', role: 'viewer' }],
    ['a name with a space', { name: 'admin key', role: 'viewer' }],
    ['no such role', { name: 'x', role: 'owner' }],
    ['a group that is none', { name: 'x', role: 'viewer', limitedTo: { groups: ["a'b"] } }],
  ])('is refused with %s', async (_what, body) => {
    expect(await admin.send('POST', '/operators', { body })).toMatchObject({ status: 400 });
  });

  it('gets no answer to an Idempotency-Key of another operator', async () => {
    const [eva, fritz] = [await operator('eva', { role: 'admin' }), await operator('fritz', { role: 'admin' })];
    const headers = { 'idempotency-key': 'same' };
    const first = await eva.send('POST', '/tenants/globex/api-keys', { headers, body: {} });
    const again = await eva.send('POST', '/tenants/globex/api-keys', { headers, body: {} });
    const other = await fritz.send('POST', '/tenants/globex/api-keys', { headers, body: {} });
    expect(again.body.token).toBe(first.body.token);
    expect(other.body.token).not.toBe(first.body.token);
  });

  it('is named in the audit log, with address and request, also for what was refused', async () => {
    const client = await operator('greta', { role: 'viewer' });
    const headers = { 'x-request-id': 'refused-request' };
    const { id: actorId } = (await client.get('/operators/me')).body;
    await client.send('POST', '/tenants/globex/suspend', { headers });
    await soon(async () => {
      expect((await entriesOf('operator.refused'))[0]).toMatchObject({
        ...{ actor: 'greta', actorId, address: '127.0.0.1', requestId: 'refused-request', subjectKind: 'operator' },
        ...{
          refusedAttempts: 1,
          after: { method: 'POST', route: '/admin/v1/tenants/:slug/suspend', tenant: 'globex' },
        },
      });
    });
    await admin.send('PATCH', '/operators/greta', { body: { role: 'operator' } });
    await client.send('PUT', '/tenants/globex/maintenance', { body: {} });
    await client.send('DELETE', '/tenants/globex/maintenance');
    expect((await entriesOf('tenant.maintenance'))[0]).toMatchObject({ actor: 'greta', actorId, address: '127.0.0.1' });
  });

  it('has created nothing whose key is in the audit log', async () => {
    const text = JSON.stringify((await admin.get('/audit?limit=1000')).body);
    expect(text).toContain('operator.create');
    expect(text).not.toMatch(/adm_[a-z0-9]{16}_/);
  });
});

async function impersonate(client: AdminClient, tenant: string): Promise<string> {
  const body = { reason: 'a test' };
  const { status, body: answer } = await client.send('POST', `/tenants/${tenant}/impersonations`, { body });
  expect(status).toBe(201);
  return answer.token;
}

describe("a tenant's domains and groups", () => {
  it('are changed by operators without limits, groups by admins; others may send what is stored', async () => {
    await admin.send('PATCH', '/tenants/acme', { body: { groups: ['emea'], domains: ['acme.example.org'] } });
    await admin.send('PATCH', '/tenants/globex', { body: { domains: ['globex.example.org'] } });
    const limited = await operator('keeper', { role: 'operator', limitedTo: { groups: ['emea'] } });
    const unlimited = await operator('worker', { role: 'operator' });
    const changed = async (client: AdminClient, body: object): Promise<unknown> => {
      const { status, body: answer } = await client.send('PATCH', '/tenants/acme', { body });
      return status === 200 ? status : `${status} ${answer.detail}`;
    };
    const stored = { groups: ['emea'], domains: ['acme.example.org'] };
    const refused = '403 this concerns more than the tenants that you are limited to';
    for (const domain of ['globex.example.org', 'free.example.org']) {
      expect(await changed(limited, { domains: [domain] })).toBe(refused);
    }
    expect(await changed(limited, { groups: [] })).toBe('403 this requires the role admin');
    expect(await changed(unlimited, { groups: [] })).toBe('403 this requires the role admin');
    expect((await admin.get('/tenants/acme')).body).toMatchObject(stored);
    const call = { method: 'PATCH', route: '/admin/v1/tenants/:slug', tenant: 'acme' };
    for (const actor of ['keeper', 'worker']) {
      await soon(async () => {
        const refusals = await entriesOf('operator.refused');
        expect(refusals).toContainEqual(expect.objectContaining({ actor, address: '127.0.0.1', after: call }));
      });
    }
    expect(await changed(limited, { ...stored, limits: {} })).toBe(200);
    expect(await changed(unlimited, { domains: ['free.example.org'] })).toBe(200);
  });

  it.each([BASE_DOMAIN, `globex.${BASE_DOMAIN}`, `api.${BASE_DOMAIN}`, `x.acme.${BASE_DOMAIN}`])(
    'are not %s, also for the admin key: not by a change, a creation or a bulk creation',
    async (domain) => {
      const field = async (path: string, method: string, body: object): Promise<unknown> => {
        const answer = await admin.send(method, path, { body });
        return [answer.status, answer.body.errors?.map(({ field: name }: Json) => name)];
      };
      const tenant = { slug: 'hooli', isolation: 'row', domains: [domain] };
      const change = { domains: ['a.example.org', domain] };
      expect(await field('/tenants/acme', 'PATCH', change)).toEqual([400, ['domains.1']]);
      expect(await field('/tenants', 'POST', tenant)).toEqual([400, ['domains.0']]);
      expect(await field('/tenants/bulk', 'POST', { tenants: [tenant] })).toEqual([400, ['tenants.0.domains.0']]);
      expect((await admin.get('/tenants/hooli')).status).toBe(404);
    },
  );

  it("may be the sub-domain of the tenant's own slug", async () => {
    const body = { domains: [`acme.${BASE_DOMAIN}`] };
    expect((await admin.send('PATCH', '/tenants/acme', { body })).body).toMatchObject(body);
  });
});

describe('working as a tenant', () => {
  it.each<[string, (name: string) => Promise<Answer>]>([
    ['the operator is revoked', (name) => admin.send('DELETE', `/operators/${name}`)],
    [
      'its role is not enough any more',
      (name) => admin.send('PATCH', `/operators/${name}`, { body: { role: 'viewer' } }),
    ],
    [
      'it is limited to other tenants',
      (name) => admin.send('PATCH', `/operators/${name}`, { body: { limitedTo: { tenants: ['acme'] } } }),
    ],
    ['the tenant leaves its groups', () => admin.send('PATCH', '/tenants/globex', { body: { groups: [] } })],
    [
      'a key of it is revoked',
      async (name) => {
        const { body } = await admin.get(`/operators/${name}`);
        return admin.send('DELETE', `/operators/${name}/keys/${body.keys[0].id}`);
      },
    ],
  ])('ends when %s, and other impersonations go on', async (what, end) => {
    await admin.send('PATCH', '/tenants/globex', { body: { groups: ['apac'] } });
    const name = what.replaceAll(' ', '-');
    const limitedTo = { tenants: ['acme'], groups: ['apac'] };
    const [ended, other] = [
      await operator(name, { role: 'operator', limitedTo }),
      await operator(`${name}.`, { role: 'operator' }),
    ];
    const [gone, acme] = [await impersonate(ended, 'globex'), await impersonate(ended, 'acme')];
    const others = await impersonate(other, 'globex');
    expect(await end(name)).toMatchObject({ status: 200 });
    const statusOf = async (token: string) => (await app.call('/api/v1/orders', { apiKey: token })).status;
    await soon(async () => expect(await statusOf(gone)).toBe(401));
    expect(await statusOf(others)).toBe(200);
    expect((await statusOf(acme)) === 401).toBe(!/limited|groups/.test(what)); // 403 while it is suspended
    expect(await entriesOf('api-key.revoke')).toContainEqual(
      expect.objectContaining({ subject: 'globex', subjectId: gone.split('_')[1], after: { impersonatedBy: name } }),
    );
  });

  it('takes a reason, lasts minutes, is in the audit log and is marked in the log of each request', async () => {
    const lines: string[] = [];
    const output = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
    const logging = await TestApp.over(app.database, { ...app.env, LOG_LEVEL: 'info' }, output);
    try {
      const client = await operator('heidi', { role: 'operator' });
      const path = '/tenants/globex/impersonations';
      expect((await client.send('POST', path, { body: {} })).status).toBe(400);
      const body = { reason: 'ticket 4711', minutes: 5 };
      const { token, keyId, expiresAt } = (await client.send('POST', path, { body })).body;
      expect((await logging.call('/api/v1/orders', { apiKey: token })).status).toBe(200);
      const line = lines.map((text) => JSON.parse(text)).find(({ request }) => request?.route === '/api/v1/orders');
      expect(line.request).toMatchObject({ tenant: 'globex', operator: 'heidi' });
      expect((await entriesOf('tenant.impersonate'))[0]).toMatchObject({
        ...{ actor: 'heidi', subject: 'globex', after: { keyId, expiresAt, reason: 'ticket 4711' } },
      });
      const listed = async () =>
        ((await client.get('/tenants/globex/api-keys')).body as Json[]).find(({ id }) => id === keyId);
      expect(await listed()).toMatchObject({ impersonatedBy: 'heidi' });
      await app.database.admin(`UPDATE api_keys SET expires_at = now() - interval '8 days' WHERE id = '${keyId}'`);
      expect(await listed()).toBeUndefined();
      await impersonate(client, 'globex');
      expect(await app.database.admin(`SELECT FROM api_keys WHERE id = '${keyId}'`)).toEqual([]);
    } finally {
      await logging.stop();
    }
  });
});
