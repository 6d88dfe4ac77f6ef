import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../support/console/chromium.js';
import { ConsoleDriver } from '../../support/console/console-driver.js';
import { ADMIN_KEY, TestApp } from '../../support/test-app.js';

const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> \u202egnp.exe 🦊${'w'.repeat(400)}`;

let app: TestApp;
let browser: Browser;
let driver: ConsoleDriver;
let page: Page;
const offences = { violations: [] as string[], foreign: [] as string[] };

beforeAll(async () => {
  app = await TestApp.start();
  await app.provision('acme', 'row');
  browser = await launchChromium();
  driver = await ConsoleDriver.open(browser, app.url, offences);
  ({ page } = driver);
});

afterAll(async () => {
  await browser?.close();
  await app?.dispose();
});

async function tenant(slug: string) {
  return (await app.call(`/admin/v1/tenants/${slug}`, { apiKey: ADMIN_KEY })).body;
}

it('a wrong key is refused at the sign-in, and is not kept', async () => {
  await driver.signIn('adm_wrong');
  await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);
});

it('an operator signs in, and finds what the API counts', async () => {
  await driver.signIn(ADMIN_KEY);
  await driver.heading('Overview');
  await page.getByRole('heading', { name: '1 tenants' }).waitFor();
  expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
  expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
});

it('creates a tenant, and follows its operation live', async () => {
  await driver.open('tenants');
  await driver.unfold('Create a tenant');
  await page.getByLabel('Slug').fill('hooli');
  await page.locator('form').getByLabel('Isolation').selectOption('schema');
  await driver.click('Create');
  await driver.heading('provision hooli');
  await page.locator('.status.succeeded').waitFor();
  expect(await tenant('hooli')).toMatchObject({ status: 'active', isolation: 'schema' });
});

it('shows a key once, with which the API answers', async () => {
  await driver.open('tenants/hooli');
  await driver.unfold('Issue a key');
  await page.getByLabel('Purpose').fill('console');
  await driver.click('Issue');
  const token = await page.locator('.once output').innerText();
  expect((await app.call('/api/v1/customers', { apiKey: token })).status).toBe(200);
  await driver.click('Done');
  await page.reload();
  await driver.heading('Tenant hooli');
  expect(await page.content()).not.toContain(token);
});

it('suspends and resumes', async () => {
  await driver.click('Suspend');
  await driver.said('suspended');
  expect((await tenant('hooli')).status).toBe('suspended');
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await driver.said('served again');
  expect((await tenant('hooli')).status).toBe('active');
});

it('makes a plan with a limit, gives it to a tenant, and changes a setting and a feature of it alone', async () => {
  await driver.open('plans');
  await driver.unfold('Create a plan');
  const creation = page.locator('details[open]');
  await creation.getByLabel('Name').fill('pro');
  await creation.getByLabel('maxConcurrentStatements').fill('7');
  await driver.click('Create', creation);
  await page.getByRole('heading', { name: 'pro' }).waitFor();
  await driver.open('tenants/hooli');
  await driver.unfold('Change the plan');
  await page.locator('details[open]').getByLabel('Plan').selectOption('pro');
  await driver.click('Save the plan');
  const held = page.getByRole('region', { name: 'What holds' });
  await held.getByRole('row', { name: 'maxConcurrentStatements 7 plan' }).waitFor();
  await driver.unfold('Change a setting');
  await page.getByLabel('Value').fill('0');
  await driver.click('Save the setting');
  await driver.said('maxOrderLines');
  await page.getByLabel('Value').fill('20');
  await driver.click('Save the setting');
  await held.getByRole('row', { name: 'maxOrderLines 20 tenant' }).waitFor();
  await driver.click('Turn orderSummary off');
  await held.getByRole('row', { name: 'orderSummary off tenant' }).waitFor();
  const { body } = await app.call('/admin/v1/tenants/hooli/settings', { apiKey: ADMIN_KEY });
  expect(body).toMatchObject({
    plan: 'pro',
    own: { settings: { maxOrderLines: 20 }, features: { orderSummary: false } },
    limits: { maxConcurrentStatements: { value: 7, origin: 'plan' } },
  });
  await driver.click('Remove own maxOrderLines');
  await held.getByRole('row', { name: /maxOrderLines \d+ default/ }).waitFor();
});

it("changes of a server's limits only what was changed in the form", async () => {
  const server = (body?: object) =>
    app.call('/admin/v1/servers/default', { apiKey: ADMIN_KEY, ...(body && { method: 'PATCH', body }) });
  await server({ maxTenants: 100, labels: { tier: 'gold' } });
  await driver.open('servers');
  await driver.unfold('Limit of default');
  const form = page.locator('details[open]');
  await form.getByLabel('Most stored bytes').fill('5000');
  await server({ maxTenants: 200, labels: { tier: 'silver' } });
  await driver.click('Save', form);
  await driver.said('Saved');
  expect((await server()).body).toMatchObject({ maxTenants: 200, maxBytes: 5000, labels: { tier: 'silver' } });
  await driver.click('Save', form);
  await driver.said('Nothing was changed');
  await server({ maxTenants: null, maxBytes: null, labels: {} });
  await driver.open('tenants/hooli');
});

it('shows hostile text as text', async () => {
  await driver.unfold('Maintenance');
  await page.getByLabel('Message to callers').fill(HOSTILE);
  await driver.click('Begin maintenance');
  await driver.said('begun');
  await page.locator('dd', { hasText: '<img src=x' }).waitFor();
  expect(await page.evaluate('[window.hacked, document.querySelectorAll("main img").length]')).toEqual([undefined, 0]);
  await driver.click('End maintenance');
  await driver.said('ended');
});

it('deletes with the typed slug only, counts the grace down, and restores', async () => {
  await driver.unfold('Delete');
  await page.getByLabel('Type hooli to confirm').fill('hoolio');
  await driver.click('Delete this tenant');
  await driver.said('Type hooli');
  expect((await tenant('hooli')).status).toBe('active');
  await page.getByLabel('Type hooli to confirm').fill('hooli');
  await driver.click('Delete this tenant');
  await page.getByRole('timer').filter({ hasText: '6 d 23:59' }).waitFor();
  expect((await tenant('hooli')).status).toBe('deleting');
  await driver.click('Restore');
  await driver.said('kept');
  expect((await tenant('hooli')).status).toBe('active');
});

it.each([
  'overview',
  'tenants',
  'tenants/hooli',
  'plans',
  'operations',
  'servers',
  'migrations',
  'backups',
  'doctor',
  'audit',
  'operators',
])('axe finds nothing serious on %s, in light and dark', async (path) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await driver.open(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
    expect(await driver.serious()).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light' });
});

it('fits a phone: only tables scroll sideways', async () => {
  await page.setViewportSize({ width: 360, height: 640 });
  await driver.open('tenants/hooli');
  await driver.heading('Tenant hooli');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  await page.setViewportSize({ width: 1100, height: 700 });
});

it('offers a viewer no action, and the API refuses them all the same', async () => {
  const created = await app.call('/admin/v1/operators', {
    method: 'POST',
    apiKey: ADMIN_KEY,
    body: { name: 'vera', role: 'viewer' },
  });
  const vera = await ConsoleDriver.open(browser, app.url, offences);
  const viewer = vera.page;
  await vera.signIn(created.body.token);
  await viewer.goto(`${app.url}/console#/tenants/hooli`);
  await viewer.getByRole('heading', { level: 1, name: 'Tenant hooli' }).waitFor();
  await viewer.getByRole('region', { name: 'Keys of this tenant' }).waitFor();
  expect(await vera.actions()).toEqual([]);
  expect(await viewer.locator('form').count()).toBe(0);
  const refused = await app.call('/admin/v1/tenants/hooli/suspend', { method: 'POST', apiKey: created.body.token });
  expect(refused.status).toBe(403);
  await app.call('/admin/v1/operators/vera', { method: 'DELETE', apiKey: ADMIN_KEY });
  await viewer.goto(`${app.url}/console#/tenants`);
  await viewer.getByLabel("Operator's key").waitFor();
});

const OF_TENANT = [
  'Suspend',
  'Delete',
  'Change limits',
  'Move to another place',
  'Issue a key',
  'Work as this tenant',
  'Export',
];
const OF_INSTALLATION = ['Back up', 'Clone'];
const OF_ADMINS = ['Replace the login role', 'Replace the key of stamps'];

it.each<[who: string, rights: object, offered: readonly string[], isLeftOut: readonly string[]]>([
  ['a viewer', { role: 'viewer' }, [], [...OF_TENANT, ...OF_INSTALLATION, ...OF_ADMINS]],
  ['an operator', { role: 'operator' }, [...OF_TENANT, ...OF_INSTALLATION], OF_ADMINS],
  [
    'a viewer of some tenants',
    { role: 'viewer', limitedTo: { tenants: ['hooli'] } },
    [],
    [...OF_TENANT, ...OF_INSTALLATION, ...OF_ADMINS],
  ],
  [
    'an operator of some tenants',
    { role: 'operator', limitedTo: { tenants: ['hooli'] } },
    OF_TENANT,
    [...OF_INSTALLATION, ...OF_ADMINS],
  ],
  ['an admin', { role: 'admin' }, [...OF_TENANT, ...OF_INSTALLATION, ...OF_ADMINS], []],
])(
  'asks the API for nothing that it refuses %s, and offers what it admits',
  async (who, rights, offered, isLeftOut) => {
    const name = who.replaceAll(' ', '-');
    const body = { name, ...rights };
    const { token } = (await app.call('/admin/v1/operators', { method: 'POST', apiKey: ADMIN_KEY, body })).body;
    const operator = await ConsoleDriver.open(browser, app.url, offences);
    const refused: string[] = [];
    operator.page.on('response', (response) => {
      if (response.status() === 403) refused.push(response.url());
    });
    await operator.signIn(token);
    await operator.heading('Overview');
    const links = await operator.page.getByRole('navigation').getByRole('link').allInnerTexts();
    expect(links.length).toBeGreaterThanOrEqual(4);
    for (const link of links) {
      await operator.page.getByRole('link', { name: link, exact: true }).click();
      await operator.page.getByRole('heading', { level: 1 }).waitFor();
      await operator.page.waitForLoadState('networkidle');
    }
    await operator.open('tenants/hooli');
    await operator.page.getByRole('region', { name: 'Keys of this tenant' }).waitFor();
    await operator.page.waitForLoadState('networkidle');
    expect(await operator.page.getByRole('alert').filter({ hasText: /\w/ }).allInnerTexts()).toEqual([]);
    expect(refused).toEqual([]);
    const names = await operator.page.locator('main button, main summary').allInnerTexts();
    expect(names).toEqual(expect.arrayContaining([...offered]));
    expect(names.filter((action) => isLeftOut.includes(action))).toEqual([]);
    await operator.page.context().close();
  },
);

it('broke no policy, and asked no other server', () => {
  expect(offences.violations).toEqual([]);
  expect(offences.foreign).toEqual([]);
});
