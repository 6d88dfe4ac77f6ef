import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../support/console/chromium.js';
import { HttpBrowser } from '../../support/oidc/http-browser.js';
import { SESSION_COOKIE, SignInRig } from '../../support/oidc/sign-in-rig.js';
import { TestApp } from '../../support/test-app.js';

describe('in a browser, with the provider on another site', () => {
  let rig: SignInRig;
  let browser: Browser;
  let page: Page;
  const violations: string[] = [];

  beforeAll(async () => {
    execFileSync(process.execPath, ['console/build.mjs']);
    rig = await SignInRig.start();
    browser = await launchChromium();
    page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => violations.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
    });
  });

  afterAll(async () => {
    await browser?.close();
    await rig?.dispose();
  });

  async function signIn(name: string): Promise<void> {
    await page.goto(`${rig.app.url}/console`);
    await page.getByRole('link', { name: 'Sign in with Example' }).click();
    await page.locator('[name=login]').fill(name);
    await page.locator('[name=password]').fill('any');
    await page.locator('[type=submit]').click();
    await page.locator('[type=submit]').click(); // the consent
  }

  it('a person signs in by the button; no script sees the session', async () => {
    await signIn(rig.account('anna', ['ops']));
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.getByText('anna@example.com (operator)').waitFor();
    expect(page.url()).toBe(`${rig.app.url}/console`);
    expect(await page.evaluate('[document.cookie, localStorage.length, sessionStorage.length]')).toEqual(['', 0, 0]);
    const cookies = await page.context().cookies(rig.app.url);
    expect(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite])).toEqual([
      [SESSION_COOKIE, true, 'Strict'],
    ]);
  });

  it('the session opens further tabs, and a page of another site can do nothing with it', async () => {
    const tab = await page.context().newPage();
    await tab.goto(`${rig.app.url}/console`);
    await tab.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    const received: (string | undefined)[] = [];
    await tab.route(`${rig.app.url}/admin/v1/**`, async (route) => {
      received.push((await route.request().allHeaders())['cookie']);
      await route.continue();
    });
    await tab.goto(`${rig.provider.issuer}/.well-known/openid-configuration`); // any page of the other site
    const outcome = await tab.evaluate(
      `Promise.all([{}, { 'x-tenantry-console': '1' }].map((headers) =>
        fetch('${rig.app.url}/admin/v1/operators', { method: 'POST', credentials: 'include', headers })
          .then((response) => response.status, () => 'blocked')))`,
    );
    expect(outcome).toEqual(['blocked', 'blocked']);
    expect(received.length).toBeGreaterThan(0); // it was sent, and came without the cookie
    expect(received.filter((cookie) => cookie?.includes(SESSION_COOKIE))).toEqual([]);
    await tab.close();
  });

  it('the sign-out ends it, in all tabs', async () => {
    const cookies = await page.context().cookies(rig.app.url);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in with Example' }).waitFor();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const headers = { cookie, 'x-tenantry-console': '1' };
    expect((await rig.app.call('/admin/v1/operators/me', { headers })).status).toBe(401);
    await page.reload();
    await page.getByRole('link', { name: 'Sign in with Example' }).waitFor();
  });

  it('a person without a role reads why, and finds back', async () => {
    await page.context().clearCookies();
    await signIn(rig.account('emil', []));
    await page.getByRole('heading', { name: 'Sign-in failed' }).waitFor();
    await page.getByText('OIDC_NO_ROLE').waitFor();
    await page.getByRole('link', { name: 'Back to the console' }).click();
    await page.getByRole('link', { name: 'Sign in with Example' }).waitFor();
    expect(violations).toEqual([]);
  });
});

describe('a provider that accepts connections and never answers', () => {
  let silent: Server;
  let app: TestApp;

  beforeAll(async () => {
    silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    app = await TestApp.start({
      PUBLIC_URL: 'http://localhost:3000',
      OIDC_ISSUER: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      OIDC_CLIENT_ID: 'console',
      OIDC_ROLES: 'staff=viewer',
    });
  });

  afterAll(async () => {
    await app?.dispose();
    silent.closeAllConnections();
    silent.close();
  });

  it('is given up on, by all sign-ins that wait for it at once', async () => {
    const pages = await Promise.all(
      Array.from({ length: 50 }, () => new HttpBrowser().get(`${app.url}/console/sign-in`)),
    );
    expect(new Set(pages.map(({ status }) => status))).toEqual(new Set([503]));
    expect(pages[0]?.text).toContain('OIDC_UNAVAILABLE');
  });
});
