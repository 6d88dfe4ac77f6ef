import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../support/console/chromium.js';
import { ConsoleDriver } from '../../support/console/console-driver.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, TestApp } from '../../support/test-app.js';

const TENANTS = 10_000;
/** Rows in view, and those around them. */
const MAX_DRAWN = 120;

let app: TestApp;
let browser: Browser;
let driver: ConsoleDriver;
const offences = { violations: [] as string[], foreign: [] as string[] };
const pagesRead: string[] = [];

beforeAll(async () => {
  app = await TestApp.start();
  await app.provision('acme', 'row');
  await app.database.admin(
    `INSERT INTO tenants (id, slug, status, isolation, target_id, schema_name, schema_version, migration_set, limits, groups)
     SELECT gen_random_uuid(), 'tenant-' || lpad(n::text, 5, '0'), status, isolation, target_id, schema_name, schema_version,
            migration_set, limits, groups
     FROM tenants, generate_series(1, $1) AS n WHERE slug = 'acme'`,
    [TENANTS - 1],
  );
  browser = await launchChromium();
  driver = await ConsoleDriver.open(browser, app.url, offences);
  driver.page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/admin/v1/tenants') pagesRead.push(request.url());
  });
  await driver.signIn(ADMIN_KEY);
  await driver.heading('Overview');
});

afterAll(async () => {
  await browser?.close();
  await app?.dispose();
});

const drawn = (): Promise<number> => driver.page.locator('.virtual tbody tr:not(.space)').count();

/** Milliseconds until a scroll is drawn, the median of some. */
async function scrollMs(): Promise<number> {
  return (await driver.page.evaluate(`(async () => {
    const region = document.querySelector('.virtual');
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const taken = [];
    for (let step = 1; step <= 21; step++) {
      const start = performance.now();
      region.scrollTop = region.scrollTop + (step % 2 === 0 ? -1 : 1) * 3000;
      await frame();
      await frame();
      taken.push(performance.now() - start);
    }
    return taken.sort((a, b) => a - b)[10];
  })()`)) as number;
}

it('counts ten thousand tenants on the overview by one request', async () => {
  await driver.page.getByRole('heading', { name: '10,000 tenants' }).waitFor();
  expect(pagesRead).toEqual([]);
});

it('draws the rows in view only, and reads the pages that are scrolled to, each once, by cursor', async () => {
  const { page } = driver;
  await driver.open('tenants');
  await page.getByText('200 read, more follow').waitFor();
  expect(await drawn()).toBeLessThan(MAX_DRAWN);
  const before = await scrollMs();
  const region = page.locator('.virtual');
  await soon(async () => {
    await region.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    expect(await page.locator('.virtual caption').innerText()).toBe(`Tenants: ${TENANTS} read`);
  }, 50_000);
  await region.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await page.getByRole('link', { name: `tenant-0${TENANTS - 1}` }).waitFor();
  expect(await drawn()).toBeLessThan(MAX_DRAWN);
  expect(pagesRead.length).toBe(new Set(pagesRead).size);
  expect(pagesRead.filter((address) => address.includes('cursor='))).toHaveLength(TENANTS / 200 - 1);
  const after = await scrollMs();
  console.log(`a scroll is drawn in ${before.toFixed(1)} ms with 200 tenants, ${after.toFixed(1)} ms with ${TENANTS}`);
  expect(after).toBeLessThan(before * 5);
});

it('keeps what was chosen while it is scrolled away, and finds one of them', async () => {
  const { page } = driver;
  await page.locator('.virtual').evaluate((element) => element.scrollTo(0, 0));
  await page.getByLabel('choose acme').check();
  await page.locator('.virtual').evaluate((element) => element.scrollTo(0, 200_000));
  await page.getByLabel('choose acme').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Suspend 1' }).waitFor();
  await page.getByLabel('Search').fill('tenant-04711');
  await page.getByText('Tenants: 1 read').waitFor();
  await page.getByRole('link', { name: 'tenant-04711' }).click();
  await driver.heading('Tenant tenant-04711');
  expect(await driver.serious()).toEqual([]);
  expect(offences).toEqual({ violations: [], foreign: [] });
});
