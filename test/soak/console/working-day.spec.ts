import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../support/console/chromium.js';
import { ADMIN_KEY, TestApp } from '../../support/test-app.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> \u202egnp.exe 🦊${'w'.repeat(400)}`;

let app: TestApp;
let browser: Browser;
let page: Page;
const violations: string[] = [];
const foreign: string[] = [];

beforeAll(async () => {
  app = await TestApp.start();
  await app.provision('acme', 'row');
  browser = await launchChromium();
  page = await newPage();
});

afterAll(async () => {
  await browser?.close();
  await app?.dispose();
});

async function newPage(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 700 } });
  const opened = await context.newPage();
  opened.setDefaultTimeout(20_000);
  opened.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(app.url) && !url.startsWith('data:')) foreign.push(url);
  });
  opened.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
  });
  opened.on('pageerror', (error) => violations.push(String(error)));
  return opened;
}

async function signIn(target: Page, key: string): Promise<void> {
  await target.goto(`${app.url}/console`);
  await target.getByLabel("Operator's key").fill(key);
  await target.getByRole('button', { name: 'Sign in' }).click();
}

async function serious(target: Page): Promise<string[]> {
  const found = (await target.evaluate(`(() => { ${AXE}; })(), axe.run(document)`)) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  };
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

async function tenant(slug: string) {
  return (await app.call(`/admin/v1/tenants/${slug}`, { apiKey: ADMIN_KEY })).body;
}

const open = (path: string) => page.goto(`${app.url}/console#/${path}`);
const heading = (name: string) => page.getByRole('heading', { level: 1, name }).waitFor();
const click = (name: string) => page.getByRole('button', { name, exact: true }).click();
const said = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();
const unfold = (name: string) => page.locator('summary', { hasText: name }).first().click();

it('a wrong key is refused at the sign-in, and is not kept', async () => {
  await signIn(page, 'adm_wrong');
  await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);
});

it('an operator signs in, and finds what the API counts', async () => {
  await signIn(page, ADMIN_KEY);
  await heading('Overview');
  await page.getByRole('heading', { name: '1 tenants' }).waitFor();
  expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
  expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
});

it('creates a tenant, and follows its operation live', async () => {
  await open('tenants');
  await unfold('Create a tenant');
  await page.getByLabel('Slug').fill('hooli');
  await page.locator('form').getByLabel('Isolation').selectOption('schema');
  await click('Create');
  await heading('provision hooli');
  await page.locator('.status.succeeded').waitFor();
  expect(await tenant('hooli')).toMatchObject({ status: 'active', isolation: 'schema' });
});

it('shows a key once, with which the API answers', async () => {
  await open('tenants/hooli');
  await unfold('Issue a key');
  await page.getByLabel('Purpose').fill('console');
  await click('Issue');
  const token = await page.locator('.once output').innerText();
  expect((await app.call('/api/v1/customers', { apiKey: token })).status).toBe(200);
  await click('Done');
  await page.reload();
  await heading('Tenant hooli');
  expect(await page.content()).not.toContain(token);
});

it('suspends and resumes', async () => {
  await click('Suspend');
  await said('suspended');
  expect((await tenant('hooli')).status).toBe('suspended');
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await said('served again');
  expect((await tenant('hooli')).status).toBe('active');
});

it('shows hostile text as text', async () => {
  await unfold('Maintenance');
  await page.getByLabel('Message to callers').fill(HOSTILE);
  await click('Begin maintenance');
  await said('begun');
  await page.locator('dd', { hasText: '<img src=x' }).waitFor();
  expect(await page.evaluate('[window.hacked, document.querySelectorAll("main img").length]')).toEqual([undefined, 0]);
  await click('End maintenance');
  await said('ended');
});

it('deletes with the typed slug only, counts the grace down, and restores', async () => {
  await unfold('Delete');
  await page.getByLabel('Type hooli to confirm').fill('hoolio');
  await click('Delete this tenant');
  await said('Type hooli');
  expect((await tenant('hooli')).status).toBe('active');
  await page.getByLabel('Type hooli to confirm').fill('hooli');
  await click('Delete this tenant');
  await page.getByRole('timer').filter({ hasText: '6 d 23:59' }).waitFor();
  expect((await tenant('hooli')).status).toBe('deleting');
  await click('Restore');
  await said('kept');
  expect((await tenant('hooli')).status).toBe('active');
});

it.each([
  'overview',
  'tenants',
  'tenants/hooli',
  'operations',
  'servers',
  'migrations',
  'backups',
  'audit',
  'operators',
])('axe finds nothing serious on %s, in light and dark', async (path) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await open(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
    expect(await serious(page)).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  if (process.env['CONSOLE_IMAGES'] === 'write' && ['overview', 'tenants/hooli'].includes(path)) {
    await page.screenshot({ path: `docs/images/console-${path.replace(/\/.*/, '')}.png` });
  }
});

it('fits a phone: only tables scroll sideways', async () => {
  await page.setViewportSize({ width: 360, height: 640 });
  await open('tenants/hooli');
  await heading('Tenant hooli');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  await page.setViewportSize({ width: 1100, height: 700 });
});

it('offers a viewer no action, and the API refuses them all the same', async () => {
  const created = await app.call('/admin/v1/operators', {
    method: 'POST',
    apiKey: ADMIN_KEY,
    body: { name: 'vera', role: 'viewer' },
  });
  const viewer = await newPage();
  await signIn(viewer, created.body.token);
  await viewer.goto(`${app.url}/console#/tenants/hooli`);
  await viewer.getByRole('heading', { level: 1, name: 'Tenant hooli' }).waitFor();
  await viewer.getByRole('region', { name: 'Keys of this tenant' }).waitFor();
  const buttons = await viewer.getByRole('button').allInnerTexts();
  expect(buttons.filter((name) => !['Sign out', 'Refresh', 'Load more'].includes(name))).toEqual([]);
  expect(await viewer.locator('form').count()).toBe(0);
  const refused = await app.call('/admin/v1/tenants/hooli/suspend', { method: 'POST', apiKey: created.body.token });
  expect(refused.status).toBe(403);
  await app.call('/admin/v1/operators/vera', { method: 'DELETE', apiKey: ADMIN_KEY });
  await viewer.goto(`${app.url}/console#/tenants`);
  await viewer.getByLabel("Operator's key").waitFor();
});

it('broke no policy, and asked no other server', () => {
  expect(violations).toEqual([]);
  expect(foreign).toEqual([]);
});
