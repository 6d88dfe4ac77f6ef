import assert from 'node:assert/strict';

/** A tenant with a key. */
export interface KnownTenant {
  readonly slug: string;
  readonly keyId: string;
  readonly key: string;
}

/** The control plane over HTTP, as an operator's program uses it. */
export class Operator {
  constructor(private readonly url: string) {}

  async createTenant(slug: string, isolation = 'row', limits?: Readonly<Record<string, number>>): Promise<KnownTenant> {
    await this.call('POST', '/admin/v1/tenants', { slug, isolation, ...(limits && { limits }) });
    await this.until(async () => (await this.call('GET', `/admin/v1/tenants/${slug}`)).status === 'active');
    return { slug, ...(await this.issueKey(slug)) };
  }

  async issueKey(slug: string): Promise<{ keyId: string; key: string }> {
    const { id, token } = await this.call('POST', `/admin/v1/tenants/${slug}/api-keys`, { name: 'test' });
    return { keyId: String(id), key: String(token) };
  }

  async revoke({ slug, keyId }: KnownTenant): Promise<void> {
    await this.call('DELETE', `/admin/v1/tenants/${slug}/api-keys/${keyId}`);
  }

  async suspend({ slug }: KnownTenant): Promise<void> {
    await this.call('POST', `/admin/v1/tenants/${slug}/suspend`);
  }

  /** Waits until this instance has received the change: a request with the key is refused. */
  async untilRefused({ key }: KnownTenant): Promise<void> {
    const headers = { authorization: `Bearer ${key}` };
    await this.until(async () => (await fetch(`${this.url}/notes`, { headers })).status >= 400);
  }

  async until(isTrue: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline;) {
      if (await isTrue()) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.fail(`not within ${timeoutMs} ms`);
  }

  private async call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${process.env['ADMIN_API_KEY']}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }
}
