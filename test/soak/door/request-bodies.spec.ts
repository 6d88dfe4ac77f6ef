import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { RawConnection } from '../../support/http/raw-connection.js';
import { ADMIN_KEY, TestApp, type TestTenant } from '../../support/test-app.js';

const UNFINISHED = 'Content-Length: 1000';
const POST = 'POST /api/v1/customers HTTP/1.1';

describe('the body of a request', () => {
  let app: TestApp;
  let acme: TestTenant;
  let suspended: TestTenant;
  let connection: RawConnection | undefined;

  beforeAll(async () => {
    app = await TestApp.start({ REQUEST_TIMEOUT: '1' });
    acme = await app.provision('acme', 'row');
    suspended = await app.provision('umbrella', 'row');
    await app.call('/admin/v1/tenants/umbrella/suspend', { method: 'POST', apiKey: ADMIN_KEY });
  });

  afterAll(async () => app.dispose());

  afterEach(() => connection?.destroy());

  async function send(head: readonly string[], body = ''): Promise<RawConnection> {
    connection = await RawConnection.to(app.url);
    return connection.send(
      ['Host: localhost'].reduce((lines, line) => [lines[0]!, line, ...lines.slice(1)], head),
      body,
    );
  }

  const bearer = (key: string): string => `Authorization: Bearer ${key}`;

  it.each<[string, () => readonly string[], number, string]>([
    ['there is no credential', () => [POST], 401, 'UNAUTHENTICATED'],
    ['the credential is unknown', () => [POST, bearer('unknown')], 401, 'UNAUTHENTICATED'],
    ['the tenant is suspended', () => [POST, bearer(suspended.apiKey)], 403, 'TENANT_SUSPENDED'],
    [
      'the route is of the control plane',
      () => ['POST /admin/v1/tenants HTTP/1.1', bearer(acme.apiKey)],
      403,
      'FORBIDDEN',
    ],
    ['the route is a tenant’s', () => [POST, bearer(ADMIN_KEY)], 403, 'FORBIDDEN'],
    ['there is no such route', () => ['POST /api/v1/nothing HTTP/1.1'], 404, 'NOT_FOUND'],
  ])('is not waited for when %s', async (_why, head, status, code) => {
    for (const announced of [UNFINISHED, 'Transfer-Encoding: chunked']) {
      const { statuses, code: answered, text } = await (await send([...head(), announced])).ended();
      expect([announced, statuses, answered]).toEqual([announced, [status], code]);
      expect(text).toMatch(/^content-type: application\/problem\+json/im);
      expect(text).toMatch(/^connection: close/im);
    }
  });

  it('is refused by its announced length', async () => {
    const head = [POST, bearer(acme.apiKey), 'Content-Type: application/json', 'Content-Length: 1048577'];
    const { statuses, code } = await (await send(head)).ended();
    expect([statuses, code]).toEqual([[413], 'PAYLOAD_TOO_LARGE']);
  });

  it('is not taken in further once its request is refused', async () => {
    const refused = (connection = await RawConnection.to(app.url, true));
    refused.send([POST, 'Host: localhost', 'Content-Length: 100000000000']);
    const chunk = Buffer.alloc(64 * 1024, '[');
    const flood = (): void => {
      while (refused.socket.writable && refused.socket.write(chunk)) continue;
    };
    refused.socket.on('drain', flood);
    flood();
    await refused.ended();
    expect(refused.statuses).toEqual([401]);
    expect(refused.socket.bytesWritten).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    ['has a length', UNFINISHED, '{"name":'],
    ['is chunked', 'Transfer-Encoding: chunked', '8\r\n{"name":\r\n'],
  ])('ends its request with 408 when it never ends and %s', async (_what, announced, part) => {
    const head = [POST, bearer(acme.apiKey), 'Content-Type: application/json', announced];
    const { statuses, code } = await (await send(head, part)).ended();
    expect([statuses, code]).toEqual([[408], 'REQUEST_TIMEOUT']);
  });

  it('has a deadline of its own on a connection that is kept alive', async () => {
    const kept = await send(['GET /api/v1/tenant HTTP/1.1', bearer(acme.apiKey)]);
    await kept.received(/"slug":"acme"/);
    kept.send([POST, 'Host: localhost', bearer(acme.apiKey), 'Content-Type: application/json', UNFINISHED], '{');
    expect((await kept.ended()).statuses).toEqual([200, 408]);
  });

  it('is not read by a route that takes none, and ends the connection', async () => {
    const head = ['GET /api/v1/tenant HTTP/1.1', bearer(acme.apiKey), UNFINISHED];
    expect((await (await send(head)).ended()).statuses).toEqual([200]);
  });

  describe('as JSON', () => {
    const nested = (depth: number): string => `{"name":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    const post = (body: string) => app.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, body });

    it('is refused when it is nested more than 32 levels deep', async () => {
      const { status, body } = await post(nested(33));
      expect([status, body.code, body.detail]).toEqual([400, 'BAD_REQUEST', expect.stringContaining('32 levels')]);
    });

    it('is validated as usual up to 32 levels, also with brackets in strings', async () => {
      for (const body of [nested(32), JSON.stringify({ name: `"\\${'['.repeat(100)}` })]) {
        expect((await post(body)).body.code).toBe('VALIDATION_FAILED');
      }
    });
  });
});
