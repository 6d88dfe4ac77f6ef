import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { Cli } from '../../support/cli/cli.js';
import { blocksOf, commandsOf, wordsOf } from '../../support/docs/code-blocks.js';
import { type Answer, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

let app: TestApp;
let other: TestApp;
let admin: AdminClient;
let cli: Cli;
let acme: TestTenant;
let hooli: TestTenant;

beforeAll(async () => {
  app = await TestApp.start();
  other = await TestApp.over(app.database);
  admin = new AdminClient(app);
  cli = new Cli(app.env);
  [acme, hooli] = [await app.provision('acme', 'row'), await app.provision('hooli', 'row')];
});

afterAll(async () => {
  await other.stop();
  await app.dispose();
});

/** What an order of three lines is answered, by an instance. */
async function ordered(instance: TestApp, { apiKey }: TestTenant): Promise<string> {
  const line = { description: 'Cards', quantity: 1, unitPrice: 100 };
  const customer = await instance.call('/api/v1/customers', {
    ...{ method: 'POST', apiKey, body: { name: 'Ada', email: `${Math.random()}@example.com` } },
  });
  const order = {
    number: String(Math.random()),
    customerId: customer.body.id,
    currency: 'EUR',
    lines: [line, line, line],
  };
  const answer = await instance.call('/api/v1/orders', { method: 'POST', apiKey, body: order });
  return answer.status === 201 ? 'created' : answer.body.errors[0].message;
}

const summary = (instance: TestApp, { apiKey }: TestTenant): Promise<Answer> =>
  instance.call('/api/v1/orders/summary', { apiKey });

const settings = (slug: string, body: object): Promise<Answer> =>
  admin.send('PATCH', `/tenants/${slug}/settings`, { body });

it('without any decision the defaults of the code hold', async () => {
  expect(await ordered(app, acme)).toBe('created');
  expect((await admin.get('/tenants/acme/settings')).body).toMatchObject({
    tenant: 'acme',
    plan: null,
    settings: { maxOrderLines: { value: 100, origin: 'default' } },
    features: { orderSummary: { value: true, origin: 'default' } },
    own: { settings: {}, features: {}, limits: {} },
    unknown: [],
  });
});

it("a tenant's own setting holds on every instance, for that tenant alone", async () => {
  expect([await ordered(app, acme), await ordered(other, acme)]).toEqual(['created', 'created']);
  const changed = await settings('acme', { settings: { maxOrderLines: 2 } });
  expect(changed.body.settings).toEqual({ maxOrderLines: { value: 2, origin: 'tenant' } });
  await expectSoon(async () => [await ordered(app, acme), await ordered(other, acme)], [TOO_MANY, TOO_MANY]);
  expect(await ordered(other, hooli)).toBe('created');
});

it("a plan's values hold where the tenant has none, and a change of the plan on every instance", async () => {
  const body = {
    name: 'basic',
    settings: { maxOrderLines: 1 },
    features: { orderSummary: false },
    limits: { maxConcurrentStatements: 3 },
  };
  const request = { body, headers: { 'idempotency-key': 'plan' } };
  const created = await admin.send('POST', '/plans', request);
  expect([created.status, created.headers.get('location')]).toEqual([201, '/admin/v1/plans/basic']);
  expect((await admin.send('POST', '/plans', request)).body).toEqual(created.body);
  expect((await admin.send('POST', '/plans', { body })).body.code).toBe('CONFLICT');
  for (const slug of ['acme', 'hooli']) {
    expect((await admin.send('PATCH', `/tenants/${slug}`, { body: { plan: 'basic' } })).body.plan).toBe('basic');
  }
  expect((await admin.get('/plans/basic')).body).toMatchObject({ tenants: 2, version: 1 });
  expect((await admin.get('/tenants?plan=basic')).body.items.map(({ slug }: Json) => slug)).toEqual(['acme', 'hooli']);
  expect((await admin.get('/tenants/acme/settings')).body).toMatchObject({
    settings: { maxOrderLines: { value: 2, origin: 'tenant' } },
    features: { orderSummary: { value: false, origin: 'plan' } },
    limits: { maxConcurrentStatements: { value: 3, origin: 'plan' } },
  });
  await expectSoon(async () => [await ordered(other, hooli), (await summary(other, hooli)).status], [ONE_LINE, 403]);
  expect((await summary(app, hooli)).body).toMatchObject({ code: 'FEATURE_DISABLED', status: 403 });

  await admin.send('PATCH', '/plans/basic', {
    body: { settings: { maxOrderLines: 50 }, features: { orderSummary: null } },
  });
  await expectSoon(async () => [await ordered(other, hooli), (await summary(other, hooli)).status], ['created', 200]);
  expect([await ordered(app, hooli), await ordered(app, acme)]).toEqual(['created', TOO_MANY]);
});

it("a tenant may have what its plan has not, and loses it with the tenant's own value", async () => {
  await admin.send('PATCH', '/plans/basic', { body: { features: { orderSummary: false } } });
  await settings('acme', { features: { orderSummary: true } });
  await expectSoon(async () => [(await summary(app, acme)).status, (await summary(app, hooli)).status], [200, 403]);
  await settings('acme', { features: { orderSummary: null }, settings: { maxOrderLines: null } });
  await expectSoon(async () => (await summary(app, acme)).status, 403);
  expect((await admin.get('/tenants/acme/settings')).body.own).toEqual({ settings: {}, features: {}, limits: {} });
});

it('a plan in use cannot be deleted, an unknown one not given, and one without tenants goes', async () => {
  expect((await admin.send('DELETE', '/plans/basic')).body).toMatchObject({ code: 'CONFLICT' });
  for (const [method, path, body] of [
    ['PATCH', '/tenants/acme', { plan: 'nope' }],
    ['POST', '/tenants', { slug: 'new', isolation: 'row', plan: 'nope' }],
    ['DELETE', '/plans/nope', undefined],
  ] as const) {
    expect((await admin.send(method, path, body ? { body } : {})).body.code).toBe('NOT_FOUND');
  }
  const bulk = {
    tenants: [
      { slug: 'one', isolation: 'row', plan: 'basic' },
      { slug: 'two', isolation: 'row', plan: 'nope' },
    ],
  };
  const refused = await admin.send('POST', '/tenants/bulk', { body: bulk });
  expect(refused.body.errors).toEqual([{ field: 'tenants.1.plan', message: 'no such plan' }]);
  for (const slug of ['acme', 'hooli']) await admin.send('PATCH', `/tenants/${slug}`, { body: { plan: null } });
  expect((await admin.send('DELETE', '/plans/basic')).status).toBe(204);
});

it('the audit log has which settings were changed, and not their values', async () => {
  await settings('acme', { settings: { maxOrderLines: 77 }, features: { orderSummary: false } });
  const [entry] = (await admin.get('/audit?subject=acme&action=tenant.settings')).body.items;
  expect(entry).toMatchObject({
    actor: 'admin key',
    after: { settings: ['maxOrderLines'], features: { orderSummary: false } },
  });
  const all = await admin.get('/audit?subject=basic');
  expect(all.body.items.map(({ action }: Json) => action)).toContain('plan.delete');
  const stored = all.body.items.flatMap(({ after }: Json) => after?.settings ?? []);
  expect(stored).toEqual(['maxOrderLines', 'maxOrderLines']);
});

it.each([
  ['an unknown key', { settings: { maxLines: 1 } }, 'settings.maxLines'],
  ['a value that the schema refuses', { settings: { maxOrderLines: 0 } }, 'settings.maxOrderLines'],
  ['a text for a number', { settings: { maxOrderLines: '5' } }, 'settings.maxOrderLines'],
  ['an unknown feature', { features: { reports: true } }, 'features.reports'],
  ['a feature that is neither true nor false', { features: { orderSummary: 1 } }, 'features.orderSummary'],
  ['a name of every object', { settings: { toString: 1, constructor: 1 } }, 'settings.toString'],
  ['10,000 keys', { settings: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, 1])) }, 'settings'],
  ['NUL in a key', { settings: { 'a\0': 1 } }, 'settings.a\0'],
  ['nothing', {}, ''],
])('%s is refused', async (_title, body, field) => {
  const before = (await admin.get('/tenants/hooli/settings')).body;
  const answer = await settings('hooli', body);
  expect([answer.status, answer.body.code, answer.body.errors[0].field]).toEqual([400, 'VALIDATION_FAILED', field]);
  expect(answer.text.length).toBeLessThan(2_000);
  expect((await admin.get('/tenants/hooli/settings')).body).toEqual(before);
});

it('a new plan has no values to remove: null is one, which the schema refuses', async () => {
  for (const settings of [{ maxOrderLines: null }, { unknown: null }]) {
    const answer = await admin.send('POST', '/plans', { body: { name: 'void', settings } });
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  }
});

it('the command line shows and changes the same, and takes values as JSON or as text', async () => {
  const created = await cli.run(
    'plans',
    'create',
    'team',
    '--set',
    'maxOrderLines=9',
    '--max-concurrent',
    '4',
    '--json',
  );
  expect(created.json).toMatchObject({
    name: 'team',
    settings: { maxOrderLines: 9 },
    limits: { maxConcurrentStatements: 4 },
  });
  expect((await cli.run('tenants', 'set', 'hooli', '--plan', 'team', '--json')).json).toMatchObject({ plan: 'team' });
  const set = ['--set', 'maxOrderLines=1', '--feature', 'orderSummary=false'];
  expect((await cli.run('tenants', 'settings', 'hooli', ...set, '--json')).json.own).toMatchObject({
    ...{ settings: { maxOrderLines: 1 }, features: { orderSummary: false } },
  });
  await expectSoon(() => ordered(other, hooli), ONE_LINE);
  const { stdout } = await cli.run(
    'tenants',
    'settings',
    'hooli',
    '--unset',
    'maxOrderLines',
    '--unset-feature',
    'orderSummary',
  );
  expect(stdout).toMatch(/^plan: team\n/);
  expect(stdout).toMatch(/setting +maxOrderLines +9 +plan/);
  expect(stdout).toMatch(/feature +orderSummary +true +default/);
  const refused = await cli.run('tenants', 'settings', 'hooli', '--set', 'maxOrderLines=many', '--json');
  expect([refused.code, refused.error.error?.code ?? refused.error.code]).toEqual([2, 'VALIDATION_FAILED']);
  expect((await cli.run('tenants', 'set', 'hooli', '--no-plan', '--json')).json).toMatchObject({ plan: null });
  expect((await cli.run('plans', 'delete', 'team')).stdout).toBe('team is deleted\n');
  expect((await cli.run('plans')).stdout).toBe('no plans\n');
});

it('the commands of the guide run as they are written', async () => {
  const guide = await readFile(new URL('../../../docs/guides/settings.md', import.meta.url), 'utf8');
  const commands = blocksOf('settings.md', guide)
    .filter(({ language }) => language === 'sh')
    .flatMap(commandsOf);
  expect(commands).toHaveLength(11);
  for (const command of commands) {
    const [npx, tenantry, ...words] = wordsOf(command);
    expect([npx, tenantry]).toEqual(['npx', 'tenantry']);
    const { code, stderr } = await cli.run(...words);
    expect([command, code, stderr]).toEqual([command, 0, '']);
  }
});

it('what was written into the catalog by hand takes no tenant down', async () => {
  await app.database.admin(
    `UPDATE tenants SET plan = NULL, settings = '{"maxOrderLines": "many", "old": {"a": [1]}, "__proto__": {"x": 1}}',
       features = '{"orderSummary": "yes", "gone": true}' WHERE slug = 'hooli'`,
  );
  await expectSoon(async () => [await ordered(other, hooli), (await summary(other, hooli)).status], ['created', 200]);
  const { body } = await admin.get('/tenants/hooli/settings');
  expect(body.settings.maxOrderLines).toMatchObject({ value: 100, origin: 'default', refused: [{ origin: 'tenant' }] });
  expect(body.unknown).toEqual(['gone', 'old']);
  const doctor = (await cli.run('doctor', '--json')).json.findings.filter(({ check }: Json) => check === 'settings');
  expect(doctor.map(({ verdict, subject, message }: Json) => `${verdict} ${subject}: ${message}`)).toEqual([
    expect.stringMatching(/^warn hooli: the setting "old" is not declared by the code/),
    expect.stringMatching(/^warn hooli: the setting "__proto__" is not declared/),
    expect.stringMatching(/^warn hooli: the setting maxOrderLines has no effect: /),
    expect.stringMatching(/^warn hooli: the feature flag "gone" is not declared by the code/),
    'warn hooli: the feature flag orderSummary is neither true nor false',
  ]);
  expect((await settings('hooli', { settings: { old: null, maxOrderLines: 3 } })).status).toBe(200);
  const stored = await app.database.admin<{ settings: object }>(`SELECT settings FROM tenants WHERE slug = 'hooli'`);
  expect(JSON.stringify(stored[0]?.settings)).toBe('{"maxOrderLines":3}');
  await expect(app.database.admin(`UPDATE tenants SET settings = '[]'`)).rejects.toThrow('check');
});

const TOO_MANY = 'must have at most 2 lines';
const ONE_LINE = 'must have at most 1 lines';

/** Within 100 attempts: a notification reaches another instance after the answer of this one. */
async function expectSoon<T>(read: () => Promise<T>, expected: T): Promise<void> {
  let last: T | undefined;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    last = await read();
    if (JSON.stringify(last) === JSON.stringify(expected)) return;
  }
  expect(last).toEqual(expected);
}
