import { AdminClient } from '../admin/admin-client.js';
import { freePort } from '../processes/free-port.js';
import { type Answer, TestApp } from '../test-app.js';
import { HttpBrowser, type Page } from './http-browser.js';
import { TestProvider } from './test-provider.js';

const CALLBACK = '/console/sign-in/callback';
export const SESSION_COOKIE = 'tenantry-session';
/** What the console's requests have. */
const FROM_CONSOLE = { 'x-tenantry-console': '1' };

/** The application with a real OpenID provider, both on this machine and with different host names. */
export class SignInRig {
  private constructor(
    readonly app: TestApp,
    readonly provider: TestProvider,
    readonly admin: AdminClient,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<SignInRig> {
    const port = await freePort();
    const provider = await TestProvider.start(`http://127.0.0.1:${port}`);
    try {
      const app = await TestApp.start({ PORT: String(port), TRUSTED_PROXIES: '127.0.0.1', ...provider.env, ...env });
      return new SignInRig(app, provider, new AdminClient(app));
    } catch (error) {
      await provider.stop();
      throw error;
    }
  }

  account(name: string, groups: unknown, email = `${name}@example.com`): string {
    this.provider.accounts.set(name, { email, groups });
    return name;
  }

  /**
   * Signs in at the provider.
   *
   * @param change of the address there, as a page between could make it
   * @returns the address at the application that the provider sends the browser to
   */
  async answerFor(browser: HttpBrowser, name: string, change: (address: URL) => void = () => {}): Promise<string> {
    const begun = await browser.get(`${this.app.url}/console/sign-in`);
    const address = new URL(begun.headers.get('location') ?? '');
    change(address);
    let page = await browser.get(address.href);
    const forms: Readonly<Record<string, string>>[] = [
      { prompt: 'login', login: name, password: 'any' },
      { prompt: 'consent' },
    ];
    for (const form of forms) {
      const next = await browser.follow(page, CALLBACK);
      if (next.includes(CALLBACK)) return next;
      page = await browser.post(next, form);
    }
    return browser.follow(page, CALLBACK);
  }

  /** The answer of the application to the whole. */
  async signIn(browser: HttpBrowser, name: string, change?: (address: URL) => void): Promise<Page> {
    return browser.get(await this.answerFor(browser, name, change));
  }

  /** A request as the console makes it. */
  call(
    browser: HttpBrowser,
    path: string,
    options: Parameters<TestApp['call']>[1] = {},
    app = this.app,
  ): Promise<Answer> {
    const token = browser.cookie(this.app.url, SESSION_COOKIE) ?? '';
    const headers = { cookie: `${SESSION_COOKIE}=${token}`, ...FROM_CONSOLE, ...options.headers };
    return app.call(path, { ...options, headers });
  }

  async entries(action: string) {
    return (await this.admin.get(`/audit?action=${action}`)).body.items;
  }

  async dispose(): Promise<void> {
    await this.app.dispose();
    await this.provider.stop();
  }
}
