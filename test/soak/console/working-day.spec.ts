import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { launchChromium } from '../../support/console/chromium.js';
import { ConsoleDriver } from '../../support/console/console-driver.js';
import { soon } from '../../support/load/soon.js';
import { firstRelease, secondRelease } from '../../support/fleet/notes-release.js';
import { registerServer } from '../../support/postgres/other-server.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { ADMIN_KEY, type Answer, dropEverything, type Json, TestApp } from '../../support/test-app.js';

const TENANTS = 300;
/** Of 10,000 characters: markup, right-to-left override, emoji. */
const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> \u202egnp.exe 🦊`.padEnd(
  10_000,
  'w',
);

let store: string;
let database: TestDatabase;
let second: PrivatePostgres;
let app: TestApp;
let admin: AdminClient;
let browser: Browser;
let driver: ConsoleDriver;
let page: Page;
const offences = { violations: [] as string[], foreign: [] as string[] };

beforeAll(async () => {
  store = mkdtempSync(join(tmpdir(), 'tenantry-day-'));
  database = await createTestDatabase('catalog');
  second = await PrivatePostgres.start();
  browser = await launchChromium();
  await start(firstRelease);
  const { hostname, port, username, password } = new URL(second.url);
  const login = { owner: decodeURIComponent(username), ownerPassword: decodeURIComponent(password) };
  await registerServer(app, 'eu-2', { host: hostname, port: Number(port), ...login });
  const tenants = Array.from({ length: TENANTS }, (_, index) => ({
    slug: `firm-${String(index + 1).padStart(3, '0')}`,
    isolation: isolationOf(index),
    server: index % 2 === 0 ? 'default' : 'eu-2',
  }));
  const created = await admin.send('POST', '/tenants/bulk', { body: { tenants } });
  expect(await admin.ended(created.headers.get('location'))).toMatchObject({ status: 'succeeded' });
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await app?.stop();
  if (database) await dropEverything(database);
  await second?.stop();
  rmSync(store, { recursive: true, force: true });
}, 120_000);

function isolationOf(index: number): Isolation {
  if (index % 100 === 0) return 'database';
  return index % 10 === 0 ? 'schema' : 'row';
}

/** Starts a release over the same catalog, and signs in to its console. */
async function start(release: typeof firstRelease): Promise<void> {
  await app?.stop();
  await driver?.page.context().close();
  app = await TestApp.over(database, { BACKUP_URL: pathToFileURL(store).href }, undefined, release());
  admin = new AdminClient(app);
  driver = await ConsoleDriver.open(browser, app.url, offences);
  ({ page } = driver);
  await driver.signIn(ADMIN_KEY);
  await driver.heading('Overview');
}

async function tenant(slug: string): Promise<Json> {
  return (await admin.get(`/tenants/${slug}`)).body;
}

/** A statement of the superuser where the tenant's tables are. */
async function atPlace(slug: string, text: (notes: string, id: string) => string): Promise<Json[]> {
  const { server, database: name, schema, id } = await tenant(slug);
  const statement = text(`"${schema}".notes`, `'${id}'`);
  return server === 'default' ? asSuperuser(name, statement) : second.inDatabase(name, statement);
}

async function notesAt(slug: string): Promise<number[]> {
  const rows = await atPlace(slug, (notes, id) => `SELECT id FROM ${notes} WHERE tenant_id = ${id} ORDER BY id`);
  return rows.map(({ id }) => id);
}

async function tenantsBehind(): Promise<number> {
  return (await admin.send('POST', '/migrations/preview', { body: {} })).body.tenants;
}

const notesOver = (apiKey: string): Promise<Answer> => app.call('/api/v1/notes', { apiKey });

let key: string;

it('begins with an overview of 300 tenants on two servers, each with its connections', async () => {
  await page.getByRole('heading', { name: `${TENANTS} tenants` }).waitFor();
  for (const server of ['default', 'eu-2']) {
    const row = page
      .getByRole('region', { name: 'By server' })
      .getByRole('row', { name: `${server} 150`, exact: true });
    await row.waitFor(); // the counts are read again every 15 s
    await page
      .getByRole('region', { name: /^Connections of each server/ })
      .getByRole('row', { name: server })
      .waitFor();
  }
  const { byServer } = (await admin.get('/tenant-counts')).body;
  expect(byServer).toEqual({ default: 150, 'eu-2': 150 });
});

it('creates a tenant, and issues its key', async () => {
  await driver.open('tenants');
  await driver.unfold('Create a tenant');
  await page.getByLabel('Slug').fill('hooli');
  await page.locator('form').getByLabel('Isolation').selectOption('schema');
  await driver.click('Create');
  await driver.heading('provision hooli');
  await driver.operationEnds('succeeded');
  await driver.open('tenants/hooli');
  await driver.unfold('Issue a key');
  await page.getByLabel('Purpose').fill('console');
  await driver.click('Issue');
  key = await page.locator('.once output').innerText();
  await driver.click('Done');
  expect(await tenant('hooli')).toMatchObject({ status: 'active', isolation: 'schema', server: 'default' });
  await atPlace('hooli', (notes, id) => `INSERT INTO ${notes} (tenant_id, id) VALUES (${id}, 1)`);
  expect((await notesOver(key)).body).toMatchObject([{ id: 1 }]);
});

it('moves it to the other server, where its rows are then', async () => {
  await driver.unfold('Move to another place');
  await page.getByLabel('Move', { exact: true }).getByLabel('Server').fill('eu-2');
  await driver.click('Preview');
  await page.getByText('schema on eu-2').waitFor();
  await driver.click('Move now');
  await driver.heading('move hooli');
  await driver.operationEnds('succeeded');
  expect(await tenant('hooli')).toMatchObject({ status: 'active', server: 'eu-2' });
  expect(await notesAt('hooli')).toEqual([1]);
  expect((await notesOver(key)).body).toMatchObject([{ id: 1 }]);
  await driver.open('tenants/hooli');
  await driver.unfold('Finish the last move');
  await page.getByLabel('Type hooli: finish it').fill('hooli');
  await driver.click('Finish it');
  await driver.operationEnds('succeeded');
});

it('suspends it for its callers, and resumes', async () => {
  await driver.open('tenants/hooli');
  await driver.click('Suspend');
  await driver.said('suspended');
  expect((await notesOver(key)).body).toMatchObject({ code: 'TENANT_SUSPENDED' });
  await driver.click('Resume');
  await driver.said('served again');
  expect((await notesOver(key)).status).toBe(200);
});

it('backs it up, and restores over it what was lost since', async () => {
  await driver.click('Back up');
  await driver.heading('backup hooli');
  await driver.operationEnds('succeeded');
  await atPlace('hooli', (notes, id) => `DELETE FROM ${notes} WHERE tenant_id = ${id}`);
  expect((await notesOver(key)).body).toEqual([]);
  await driver.open('tenants/hooli');
  const backups = page.getByRole('region', { name: 'Backups of this tenant' });
  await backups.locator('summary').click();
  await backups.getByLabel('Or type hooli').fill('hoolio');
  await driver.click('Restore the backup', backups);
  await driver.said('Type hooli');
  await backups.getByLabel('Or type hooli').fill('hooli');
  await driver.click('Restore the backup', backups);
  await driver.heading('restore hooli');
  await driver.operationEnds('succeeded');
  expect(await notesAt('hooli')).toEqual([1]);
  expect((await notesOver(key)).body).toMatchObject([{ id: 1 }]);
  await driver.open('tenants/hooli');
  await driver.unfold('Finish the last move');
  await page.getByLabel('Type hooli: finish it').fill('hooli');
  await driver.click('Finish it');
  await driver.operationEnds('succeeded');
});

it('deletes it with its slug typed, and restores it in the time of grace', async () => {
  await driver.open('tenants/hooli');
  await driver.unfold('Delete');
  await page.getByLabel('Type hooli to confirm').fill('hooli');
  await driver.click('Delete this tenant');
  await page.getByRole('timer').waitFor();
  expect((await tenant('hooli')).status).toBe('deleting');
  expect((await notesOver(key)).status).not.toBe(200);
  await driver.click('Restore');
  await driver.said('kept');
  expect(await tenant('hooli')).toMatchObject({ status: 'active' });
  expect((await notesOver(key)).body).toMatchObject([{ id: 1 }]);
});

it('migrates the fleet to the next release; one tenant fails, is repaired, and tried again', async () => {
  await atPlace('firm-011', (notes) => `ALTER TABLE ${notes} ADD COLUMN title int`);
  await start(secondRelease);
  await driver.open('migrations');
  await driver.click('Preview the SQL');
  await page.getByText('ADD COLUMN title').first().waitFor();
  expect(await tenantsBehind()).toBe(TENANTS + 1);
  await driver.unfold('Start a migration');
  await driver.click('Start');
  await driver.heading('migrate');
  await driver.operationEnds('failed');
  const failed = page.getByRole('region', { name: '1 failed' });
  await failed.getByRole('link', { name: 'firm-011' }).waitFor();
  expect(await driver.serious()).toEqual([]);
  expect(await tenantsBehind()).toBe(1);
  await atPlace('firm-011', (notes) => `ALTER TABLE ${notes} DROP COLUMN title`);
  await driver.click('Try these again');
  await driver.operationEnds('succeeded');
  expect(await tenantsBehind()).toBe(0);
  await atPlace('firm-011', (notes, id) => `INSERT INTO ${notes} (tenant_id, id, title) VALUES (${id}, 7, 'seven')`);
  const apiKey = await admin.issueKey('firm-011');
  expect((await notesOver(apiKey)).body).toMatchObject([{ id: 7, title: 'seven' }]);
  expect((await notesOver(key)).body).toMatchObject([{ id: 1, title: null }]);
});

it.each([HOSTILE, HOSTILE.slice(0, 90)])(
  'shows hostile text as text, wherever it is typed (%#)',
  async (text) => {
    const typed: readonly [path: string, form: string, field: string, submit: string][] = [
      ['tenants', 'Create a tenant', 'Slug', 'Create'],
      ['tenants/hooli', 'Maintenance', 'Message to callers', 'Begin maintenance'],
      ['tenants/hooli', 'Issue a key', 'Purpose', 'Issue'],
      ['tenants/hooli', 'Work as this tenant', 'Reason', 'Issue a token'],
      ['tenants/hooli', 'Change domains and groups', 'Groups', 'Save'],
      ['operators', 'Create an operator', 'Name', 'Create'],
    ];
    for (const [path, form, field, submit] of typed) {
      await driver.open(path);
      await page.reload(); // what the page before has said is gone
      await driver.unfold(form);
      const fields = page.locator('details[open]');
      await fields.getByLabel(field).fill(text);
      await driver.click(submit, fields);
      await page.locator('.announcer, .once').filter({ hasText: /\w/ }).first().waitFor();
      expect(await page.evaluate('[window.hacked, document.querySelectorAll("main img, main script").length]')).toEqual(
        [undefined, 0],
      );
    }
    await driver.open(`tenants/${encodeURIComponent(text)}`);
    await page.getByRole('alert').filter({ hasText: /\w/ }).first().waitFor();
    await driver.open(`operations/${encodeURIComponent(text)}`);
    await page.getByRole('alert').filter({ hasText: /\w/ }).first().waitFor();
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    await driver.open('tenants/hooli');
    await driver.heading('Tenant hooli');
    if (text.length < 500) await page.getByText('<img src=x').first().waitFor(); // longer ones are refused
    expect(await driver.serious()).toEqual([]);
  },
  180_000,
);

it('has requests, errors and their time on the overview, which are those that were made', async () => {
  const keys = await Promise.all(['firm-001', 'firm-002', 'firm-003', 'firm-020'].map((slug) => admin.issueKey(slug)));
  for (const [index, apiKey] of keys.entries())
    for (let n = 0; n < 10 * (index + 1); n++) expect((await notesOver(apiKey)).status).toBe(200);
  await soon(async () => {
    const [totals] = (await admin.get('/usage?tenant=firm-020&by=day')).body.items;
    expect(totals).toMatchObject({ requests: 40, errors: 0 });
  });
  await driver.open('overview');
  const busiest = page.getByRole('region', { name: 'Busiest in the last minute' });
  expect(await busiest.getByRole('row', { name: 'firm-020' }).innerText()).toMatch(/firm-020\s+40\s+0/);
  await page
    .getByText(/^\d+ ms$/)
    .first()
    .waitFor();
  await picture('overview');
  await driver.open('tenants/firm-020');
  await page.getByRole('img', { name: 'Requests and runs: 40 in all, 40 at most' }).waitFor();
  await picture('tenant');
  await driver.open('tenants');
  await page.getByText('200 read').waitFor();
  await picture('tenants');
  await driver.open('doctor');
  await page.locator('.status.healthy, .status.unhealthy').waitFor();
});

/** Of the guide, where they are asked for. */
async function picture(name: string): Promise<void> {
  if (process.env['CONSOLE_IMAGES'] !== 'write') return;
  await page.setViewportSize({ width: 1100, height: 1000 });
  await page.screenshot({ path: `docs/images/console-${name}.png` });
}

it('broke no policy, and asked no other server', () => {
  expect(offences).toEqual({ violations: [], foreign: [] });
});
