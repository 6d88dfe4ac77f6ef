/** An answer, where no redirect has been followed. */
export interface Page {
  readonly status: number;
  readonly url: string;
  readonly headers: Headers;
  readonly text: string;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

let browsers = 0;

/** Keeps cookies per origin, as a browser does, and follows redirects only when asked to. Each has another address. */
export class HttpBrowser {
  /** As a proxy in front forwards it. */
  readonly address = `192.0.2.${(browsers += 1)}`;
  private readonly cookies = new Map<string, Cookie[]>();

  async get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.request(url, { headers });
  }

  async post(url: string, form: Readonly<Record<string, string>>): Promise<Page> {
    return this.request(url, { method: 'POST', body: new URLSearchParams(form) });
  }

  /** Follows redirects until `stopAt` is part of the next address, which is not asked for. @returns that address, or the last page's */
  async follow(page: Page, stopAt: string): Promise<string> {
    let next = page;
    for (let hop = 0; hop < 10; hop += 1) {
      const location = next.headers.get('location');
      if (location === null) return next.url;
      const address = new URL(location, next.url).href;
      if (address.includes(stopAt)) return address;
      next = await this.get(address);
    }
    throw new Error(`more than 10 redirects, at last from ${next.url}`);
  }

  cookie(url: string, name: string): string | undefined {
    return this.cookies.get(new URL(url).origin)?.find((cookie) => cookie.name === name)?.value;
  }

  setCookie(url: string, name: string, value: string): void {
    this.keep(new URL(url).origin, { name, value, path: '/' });
  }

  private async request(url: string, init: RequestInit): Promise<Page> {
    const { origin, pathname } = new URL(url);
    const sent = (this.cookies.get(origin) ?? []).filter(({ path }) => pathname.startsWith(path));
    const headers = {
      'x-forwarded-for': this.address,
      ...(init.headers as Record<string, string>),
      ...(sent.length > 0 && { cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; ') }),
    };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const header of response.headers.getSetCookie()) this.keep(origin, parse(header));
    return { status: response.status, url, headers: response.headers, text: await response.text() };
  }

  private keep(origin: string, cookie: Cookie): void {
    const others = (this.cookies.get(origin) ?? []).filter(
      ({ name, path }) => name !== cookie.name || path !== cookie.path,
    );
    this.cookies.set(origin, cookie.value === '' ? others : [...others, cookie]);
  }
}

/** The value is empty for a cookie that is to be forgotten. */
function parse(header: string): Cookie {
  const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
  const [name = '', ...value] = pair.split('=');
  const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice('path='.length) ?? '/';
  const isGone = attributes.some((attribute) => /^max-age=0$|^expires=Thu, 01 Jan 1970/i.test(attribute));
  return { name, value: isGone ? '' : value.join('='), path };
}
