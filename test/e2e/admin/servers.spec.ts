import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import { asSuperuser, testServer } from '../../support/postgres/postgres.js';
import { type Json, TestApp } from '../../support/test-app.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { Cli } from '../../support/cli/cli.js';

const POWERLESS = `powerless_${process.pid}`;

let app: TestApp;
let admin: AdminClient;
let description: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  const { host, port, owner: ownerRole, ownerPassword } = testServer();
  const furtherAddresses = [{ host, port: 1 }];
  description = {
    ...{ name: 'eu-2', host, port, furtherAddresses, tls: 'disable' },
    ...{ ownerRole, ownerPassword, maxConnections: 40 },
    ...{ maxTenants: null, maxBytes: null, labels: { region: 'eu' } },
  };
  await asSuperuser(
    'postgres',
    `CREATE ROLE ${POWERLESS} LOGIN PASSWORD 'weak'; GRANT CONNECT ON DATABASE postgres TO ${POWERLESS}`,
  );
});

afterAll(async () => {
  await app.dispose();
  await asSuperuser('postgres', `DROP OWNED BY ${POWERLESS}; DROP ROLE ${POWERLESS}`);
});

it('registering an unusable server is rejected with the field to correct', async () => {
  for (const [field, change] of [
    ['host', { port: 1 }],
    ['host', { tls: 'require' }],
    ['ownerPassword', { ownerPassword: 'wrong' }],
    ['ownerRole', { ownerRole: POWERLESS, ownerPassword: 'weak' }],
    ['name', { name: 'default' }],
  ] as const) {
    const rejected = await admin.send('POST', '/servers', { body: { ...description, ...change } });
    expect([rejected.status, rejected.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(rejected.body.errors.map((error: Json) => error.field)).toEqual([field]);
  }
  expect((await admin.get('/servers')).body.map(({ name }: Json) => name)).toEqual(['default']);
});

it('a server is registered once, and its password is never shown', async () => {
  const request = { body: description, headers: { 'idempotency-key': 'eu-2' } };
  const registered = await admin.send('POST', '/servers', request);
  expect([registered.status, registered.headers.get('location')]).toEqual([201, '/admin/v1/servers/eu-2']);
  const { ownerPassword, ...shown } = description;
  expect(registered.body).toEqual({
    ...{ ...shown, id: expect.any(String), replicas: [], draining: false, tenants: 0, databases: 0, storedBytes: 0 },
  });
  expect((await admin.send('POST', '/servers', request)).body).toEqual(registered.body);
  expect((await admin.send('POST', '/servers', { body: description })).body.code).toBe('CONFLICT');
  expect((await admin.get('/servers/eu-2')).body).toEqual(registered.body);
  expect((await admin.get('/audit?subject=eu-2')).text).not.toContain(ownerPassword);
});

it('the connections of each server are counted by name; a server that does not answer has none', async () => {
  const { port } = description;
  const [standard, other] = (await admin.get('/connections')).body;
  expect([standard.server, other.server]).toEqual(['default', 'eu-2']);
  expect(standard.open).toBeGreaterThan(0);
  expect(standard.max).toBeGreaterThanOrEqual(standard.open);
  expect(standard.lent).toBeGreaterThanOrEqual(7);
  expect(standard.limit).toBe(Math.floor(standard.max * 0.9));
  expect(other).toEqual({
    ...{ server: 'eu-2', max: standard.max, open: expect.any(Number), instance: null },
    ...{ limit: 40, lent: expect.any(Number) },
  });
  await app.database.admin("UPDATE servers SET port = 1 WHERE name = 'eu-2'");
  try {
    await soon(async () => {
      const [answering, silent] = (await admin.get('/connections')).body;
      expect(answering).toMatchObject({ server: 'default', max: standard.max });
      expect(silent).toMatchObject({ server: 'eu-2', max: null, open: null, instance: null });
    });
  } finally {
    await app.database.admin(`UPDATE servers SET port = ${String(port)} WHERE name = 'eu-2'`);
  }
});

it('instances are listed with what servers lend to each, the command itself left out', async () => {
  const started = await admin.get('/instances');
  expect(started).toMatchObject({ status: 200, body: [{ pid: process.pid, worker: null, isSilent: false }] });
  const { id, servers, seenAt, startedAt } = started.body[0];
  const [standard] = servers;
  expect(standard).toMatchObject({ server: 'default', waiting: 0 });
  expect(standard.lent).toBeGreaterThanOrEqual(standard.needed);
  expect(Date.parse(seenAt)).toBeGreaterThanOrEqual(Date.parse(startedAt));
  expect(await new Cli(app.env).json('instances')).toMatchObject([{ id }]);
});

it("a change of a server is validated against the server, and the catalog's server cannot be moved", async () => {
  const changed = await admin.send('PATCH', '/servers/eu-2', { body: { maxConnections: 60 } });
  expect(changed).toMatchObject({ status: 200, body: { maxConnections: 60 } });
  const wrong = await admin.send('PATCH', '/servers/eu-2', { body: { ownerPassword: 'wrong' } });
  expect([wrong.status, wrong.body.errors[0].field]).toEqual([400, 'ownerPassword']);
  const moved = await admin.send('PATCH', '/servers/default', { body: { host: 'elsewhere' } });
  expect([moved.status, moved.body.code]).toEqual([409, 'CONFLICT']);
});

it('the addresses of a server are one and further ones, of which one has to accept writes', async () => {
  const cli = new Cli(app.env);
  const { host, port } = testServer();
  expect(
    await cli.json('servers', 'set', 'eu-2', '--port', '1', '--further-addresses', `${host}:2,${host}:${port}`),
  ).toMatchObject({
    port: 1,
    furtherAddresses: [
      { host, port: 2 },
      { host, port },
    ],
  });
  expect((await cli.run('servers', 'list')).stdout).toContain(`${host}:1,${host}:2,${host}:${port}`);
  const none = await admin.send('PATCH', '/servers/eu-2', { body: { furtherAddresses: [{ host, port: 2 }] } });
  expect([none.status, none.body.errors[0].field]).toEqual([400, 'host']);
  const wrong = await cli.run('servers', 'set', 'eu-2', '--further-addresses', 'user@pg-b');
  expect(wrong.stderr).toContain('must be addresses such as');
  await admin.send('PATCH', '/servers/eu-2', { body: { port, furtherAddresses: [] } });
  expect((await admin.get('/servers/eu-2')).body).toMatchObject({ port, furtherAddresses: [] });
});

it('read replicas are named without being asked, by REST and by command, and those of the catalog are not named there', async () => {
  const replicas = [{ host: 'nowhere.test', port: 5432 }];
  const changed = await admin.send('PATCH', '/servers/eu-2', { body: { replicas: [{ host: 'nowhere.test' }] } });
  expect(changed).toMatchObject({ status: 200, body: { replicas } });
  for (const refused of [[{ host: 'a b' }], [{ host: 'a', port: 0 }], [{ host: 'a' }, { host: 'a' }], 'a:5432']) {
    expect((await admin.send('PATCH', '/servers/eu-2', { body: { replicas: refused } })).status).toBe(400);
  }
  const cli = new Cli(app.env);
  expect(await cli.json('servers', 'set', 'eu-2', '--replicas', '')).toMatchObject({ replicas: [] });
  const two = {
    replicas: [
      { host: '10.0.0.1', port: 5433 },
      { host: '::1', port: 5434 },
    ],
  };
  expect(await cli.json('servers', 'set', 'eu-2', '--replicas', '10.0.0.1:5433,[::1]:5434')).toMatchObject(two);
  expect((await cli.run('servers', 'set', 'eu-2', '--replicas', 'user@host')).code).toBe(2);
  expect((await admin.send('PATCH', '/servers/default', { body: { replicas } })).body.code).toBe('CONFLICT');
  expect((await admin.get('/servers')).body).toMatchObject([{ replicas: [] }, two]);
});

it('labels and capacities of any server can be changed, over REST and on the command line; what is none is refused', async () => {
  for (const [field, change] of [
    ['labels.Region', { labels: { Region: 'eu' } }],
    ['labels.region', { labels: { region: 'e u' } }],
    ['labels', { labels: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`l${n}`, 'x'])) }],
    ['labels', { labels: ['region'] }],
    ['maxTenants', { maxTenants: -1 }],
    ['maxBytes', { maxBytes: 0.5 }],
  ] as const) {
    const refused = await admin.send('PATCH', '/servers/eu-2', { body: change });
    expect([refused.status, refused.body.errors?.map((error: Json) => error.field)]).toEqual([400, [field]]);
  }
  const capacity = { maxTenants: 3, maxBytes: 2e12, labels: { tier: 'gold' } };
  expect((await admin.send('PATCH', '/servers/default', { body: capacity })).body).toMatchObject(capacity);
  const cli = new Cli(app.env);
  const reset = ['--label', 'region=us', '--label', 'tier=gold', '--no-max-tenants', '--max-bytes', '5GB'];
  expect(await cli.json('servers', 'set', 'default', ...reset)).toMatchObject({
    ...{ maxTenants: null, maxBytes: 5e9, labels: { region: 'us', tier: 'gold' } },
  });
  expect((await cli.run('servers')).stdout).toContain('region=us tier=gold');
  expect(await cli.json('servers', 'set', 'default', '--no-labels', '--no-max-bytes')).toMatchObject({
    ...{ maxTenants: null, maxBytes: null, labels: {} },
  });
  const { items } = (await admin.get('/audit?subject=default')).body;
  expect(items.at(-1)).toMatchObject({ before: { maxTenants: null, maxBytes: null, labels: {} }, after: capacity });
});

it('a draining server receives no tenants, and can be removed once it has none', async () => {
  const body = { slug: 'far', isolation: 'database', server: 'eu-2' };
  expect((await admin.send('POST', '/servers/eu-2/drain')).body.draining).toBe(true);
  expect((await admin.send('POST', '/tenants', { body })).body.code).toBe('CONFLICT');
  expect((await admin.get('/tenants/far')).status).toBe(404);
  await app.provision('near', 'row');
  const draining = 'the server eu-2 is draining: it accepts no tenants';
  const preview = async (): Promise<Json> => {
    const move = { body: { isolation: 'database', server: 'eu-2' } };
    return (await admin.send('POST', '/tenants/near/move/preview', move)).body;
  };
  expect(await preview()).toMatchObject({
    ...{ obstacles: [draining], to: { server: 'eu-2', schema: 'tenant' }, copy: null },
    connections: [
      { server: 'eu-2', needed: 1 },
      { server: 'default', needed: 1 },
    ],
  });
  const { port } = testServer();
  await app.database.admin(`UPDATE servers SET port = 1 WHERE name = 'eu-2'`);
  expect((await preview()).obstacles).toEqual([draining, expect.stringContaining('cannot be reached')]);
  await app.database.admin(`UPDATE servers SET port = $1 WHERE name = 'eu-2'`, [port]);

  expect((await admin.send('POST', '/servers/eu-2/undrain')).body.draining).toBe(false);
  const created = await admin.send('POST', '/tenants', { body });
  expect(await admin.ended(created.headers.get('location'))).toMatchObject({ status: 'succeeded' });
  expect((await admin.get('/tenants?server=eu-2')).body.items).toMatchObject([{ slug: 'far', server: 'eu-2' }]);
  expect((await admin.get('/servers/eu-2')).body).toMatchObject({ tenants: 1, databases: 1 });

  expect((await admin.send('POST', '/servers/eu-2/drain')).status).toBe(200);
  expect((await admin.send('DELETE', '/servers/eu-2')).body.code).toBe('CONFLICT');
  const deleted = await admin.send('DELETE', '/tenants/far?graceSeconds=0');
  await admin.ended(deleted.headers.get('location'));
  expect((await admin.send('DELETE', '/servers/eu-2')).status).toBe(204);
  expect((await admin.get('/servers/eu-2')).status).toBe(404);
  expect((await admin.send('DELETE', '/servers/default')).body.code).toBe('CONFLICT');
});

it('a server with spare tenants is not removed, and the refusal names them', async () => {
  const { id } = (await admin.send('POST', '/servers', { body: { ...description, name: 'eu-3' } })).body;
  await app.database.admin(
    `INSERT INTO tenants (slug, isolation, spare_server_id) VALUES ('spare-1', 'schema', $1), ('spare-2', 'database', $1)`,
    [id],
  );
  await admin.send('POST', '/servers/eu-3/drain');
  const refused = await admin.send('DELETE', '/servers/eu-3');
  expect(refused).toMatchObject({
    status: 409,
    body: { code: 'CONFLICT', detail: expect.stringContaining('spare-1, spare-2') },
  });
  expect((await admin.get('/servers/eu-3')).body).toMatchObject({ draining: true, tenants: 0 });
  for (const slug of ['spare-1', 'spare-2']) {
    const deleted = await admin.send('DELETE', `/tenants/${slug}?graceSeconds=0`);
    expect(await admin.ended(deleted.headers.get('location'))).toMatchObject({ status: 'succeeded' });
  }
  expect((await admin.send('DELETE', '/servers/eu-3')).status).toBe(204);
});

it('the audit log records every change of a server, with the values before and after', async () => {
  const { ownerPassword: _ownerPassword, ...registered } = description;
  const { items } = (await admin.get('/audit?subject=eu-2')).body;
  expect(items.toReversed().map(({ action, before, after }: Json) => [action, before, after])).toEqual([
    ['server.register', null, { ...registered, replicas: [] }],
    ['server.change', { maxConnections: 40 }, { maxConnections: 60 }],
    ['server.change', expect.anything(), { port: 1, furtherAddresses: expect.anything() }],
    ['server.change', expect.anything(), { port: description['port'], furtherAddresses: [] }],
    ['server.change', { replicas: [] }, { replicas: [{ host: 'nowhere.test', port: 5432 }] }],
    ['server.change', { replicas: [{ host: 'nowhere.test', port: 5432 }] }, { replicas: [] }],
    ['server.change', { replicas: [] }, { replicas: expect.any(Array) }],
    ['server.drain', { draining: false }, { draining: true }],
    ['server.undrain', { draining: true }, { draining: false }],
    ['server.drain', { draining: false }, { draining: true }],
    ['server.remove', null, null],
  ]);
});
