import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Locator, Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Operations have many steps, and the machine may be busy. */
const WAIT_MS = 50_000;

/** What a test finds of a page besides its content. */
export interface Offences {
  /** Broken content security policy, and uncaught errors. */
  readonly violations: string[];
  /** Addresses of other servers. */
  readonly foreign: string[];
}

/** An operator in front of the console, in a browser. */
export class ConsoleDriver {
  private constructor(
    readonly page: Page,
    readonly url: string,
  ) {}

  static async open(browser: Browser, url: string, { violations, foreign }: Offences): Promise<ConsoleDriver> {
    const context = await browser.newContext({ viewport: { width: 1100, height: 700 } });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    page.on('request', (request) => {
      const address = request.url();
      if (!address.startsWith(url) && !/^(data|blob):/.test(address)) foreign.push(address);
    });
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(String(error)));
    return new ConsoleDriver(page, url);
  }

  async signIn(key: string): Promise<void> {
    await this.page.goto(`${this.url}/console`);
    await this.page.getByLabel("Operator's key").fill(key);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** @param path behind the `#/`, such as `tenants/acme` */
  async open(path: string): Promise<void> {
    await this.page.goto(`${this.url}/console#/${path}`);
  }

  async heading(name: string): Promise<void> {
    await this.page.getByRole('heading', { level: 1, name }).waitFor();
  }

  async click(name: string, within: Page | Locator = this.page): Promise<void> {
    await within.getByRole('button', { name, exact: true }).click();
  }

  async said(text: string): Promise<void> {
    await this.page.getByRole('status').filter({ hasText: text }).waitFor();
  }

  async unfold(name: string): Promise<void> {
    await this.page.locator('summary', { hasText: name }).first().click();
  }

  /** Waits for the end of the operation on the page. */
  async operationEnds(status: 'succeeded' | 'failed'): Promise<void> {
    await this.page.locator(`p .status.${status}`).waitFor();
  }

  /** Names of the buttons on the page that are not the console's own. */
  async actions(): Promise<string[]> {
    const names = await this.page.getByRole('button').allInnerTexts();
    return names.filter((name) => !['Sign out', 'Refresh', 'Load more', 'Check again'].includes(name));
  }

  /** What axe finds serious or worse. */
  async serious(): Promise<string[]> {
    const found = (await this.page.evaluate(`(() => { ${AXE}; })(), axe.run(document)`)) as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[];
    };
    return found.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  }
}
