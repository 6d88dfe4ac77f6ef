import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { newApiKey } from '../../src/catalog/model/api-key.js';
import { ADMIN_KEY, type Answer, type TestApp, type TestTenant } from '../support/test-app.js';
import { soon } from '../support/load/soon.js';
import { type Launch, launchNew } from './launch.js';

const DAY_MS = 86_400_000;
const ISSUER = 'https://issuer.example';
const AUDIENCE = 'tenantry';
const SECRET = 'a-secret-for-tests-that-is-long-enough';

export function identificationContract(launch: Launch): void {
  let app: TestApp;
  let acme: TestTenant;
  let umbrella: TestTenant;

  beforeAll(async () => {
    app = await launchNew(launch, { JWT_SECRET: SECRET });
    acme = await app.provision('acme', 'row');
    umbrella = await app.provision('umbrella', 'schema');
  });

  afterAll(async () => app.dispose());

  function outcome({ status, body }: Answer): unknown[] {
    return [status, body?.code ?? body?.slug];
  }

  describe('a request with a credential', () => {
    it.each([
      ['none', {}],
      ['another scheme', { authorization: 'Basic YWNtZTphY21l' }],
      ['an empty bearer', { authorization: 'Bearer ' }],
      ['an unknown key', { authorization: `Bearer ${newApiKey().token}` }],
      ['a truncated key', { authorization: 'Bearer tnt_0123456789abcdef' }],
      ['an SQL injection', { authorization: "Bearer ' OR 1=1 --" }],
      ['a huge token', { authorization: `Bearer ${'a'.repeat(9000)}` }],
      ['a malformed token', { authorization: 'Bearer a.b.c' }],
      ['only the header X-Tenant-Id', { 'x-tenant-id': 'acme' }],
    ])('is rejected with 401: %s', async (_what, headers) => {
      const answer = await app.call('/api/v1/tenant', { headers });
      expect(outcome(answer)).toEqual([401, 'UNAUTHENTICATED']);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    });

    it('is rejected when the secret belongs to another key', async () => {
      const [, keyId] = acme.apiKey.split('_');
      const secret = umbrella.apiKey.split('_').slice(2).join('_');
      const answer = await app.call('/api/v1/tenant', { apiKey: `tnt_${keyId}_${secret}` });
      expect(outcome(answer)).toEqual([401, 'UNAUTHENTICATED']);
    });

    it('is rejected on tenant routes when the credential is the admin key', async () => {
      expect(outcome(await app.call('/api/v1/tenant', { apiKey: ADMIN_KEY }))).toEqual([403, 'FORBIDDEN']);
    });

    it.each(['expires_at', 'revoked_at'])('is rejected once %s has passed', async (column) => {
      const apiKey = await app.issueKey(acme);
      expect(outcome(await app.call('/api/v1/tenant', { apiKey }))).toEqual([200, 'acme']);
      await app.database.admin(`UPDATE api_keys SET ${column} = now() - interval '1 s' WHERE id = $1`, [
        apiKey.split('_')[1],
      ]);
      await soon(async () => {
        expect(outcome(await app.call('/api/v1/tenant', { apiKey }))).toEqual([401, 'UNAUTHENTICATED']);
      });
    });

    it.each([
      ['behind', -DAY_MS],
      ['ahead', DAY_MS],
    ])("expires by the catalog's clock, although this machine's is a day %s", async (_direction, offsetMs) => {
      const setExpiry = (key: string, sign: string): Promise<unknown> =>
        app.database.admin(`UPDATE api_keys SET expires_at = now() ${sign} interval '1 h' WHERE id = $1`, [
          key.split('_')[1],
        ]);
      const [expired, valid] = [await app.issueKey(acme), await app.issueKey(acme)];
      await Promise.all([setExpiry(expired, '-'), setExpiry(valid, '+')]);
      const realNow = Date.now.bind(Date);
      const clock = jest.spyOn(Date, 'now').mockImplementation(() => realNow() + offsetMs);
      try {
        expect(outcome(await app.call('/api/v1/tenant', { apiKey: expired }))).toEqual([401, 'UNAUTHENTICATED']);
        expect(outcome(await app.call('/api/v1/tenant', { apiKey: valid }))).toEqual([200, 'acme']);
      } finally {
        clock.mockRestore();
      }
    });
  });

  describe('a request with a Host header', () => {
    const at = (instance: TestApp, host: string): Promise<Answer> =>
      instance.call('/api/v1/tenant', { apiKey: acme.apiKey, headers: { host } });

    beforeAll(async () => {
      const domains = ['shop.umbrella.example', 'acme.umbrella.example', 'acme.tenants.example'];
      await app.database.admin('INSERT INTO tenant_domains (domain, tenant_id) SELECT unnest($1::text[]), $2', [
        domains,
        umbrella.id,
      ]);
    });

    it("is rejected when the host is another tenant's domain, also when its first label is the tenant's slug", async () => {
      for (const host of ['shop.umbrella.example', 'SHOP.umbrella.example:8080', 'acme.umbrella.example']) {
        expect([host, ...outcome(await at(app, host))]).toEqual([host, 403, 'TENANT_MISMATCH']);
      }
    });

    it('is served for any other host without a base domain, whether or not its first label is the slug of a tenant', async () => {
      const hosts = ['acme.example.com', 'umbrella.example.com', 'nobody.example.com', 'api.example.com'];
      for (const host of [...hosts, 'localhost:3000', '10.0.0.1', '[::1]:3000']) {
        expect([host, ...outcome(await at(app, host))]).toEqual([host, 200, 'acme']);
      }
    });

    it("is served when the host is the tenant's own domain", async () => {
      const own = await app.call('/api/v1/tenant', {
        apiKey: umbrella.apiKey,
        headers: { host: 'shop.umbrella.example' },
      });
      expect(outcome(own)).toEqual([200, 'umbrella']);
    });

    describe('under a base domain', () => {
      let instance: TestApp;

      beforeAll(async () => {
        instance = await launch(app.database, { JWT_SECRET: SECRET, TENANT_BASE_DOMAIN: 'tenants.example' });
        await app.database.admin('INSERT INTO tenant_domains (domain, tenant_id) VALUES ($1, $2)', [
          'shop.tenants.example',
          acme.id,
        ]);
      });

      afterAll(async () => instance.stop());

      it.each(['tenants.example', 'shop.tenants.example', 'umbrella.example.com', 'xtenants.example', 'localhost'])(
        'is served at %s, which is no sub-domain of it or a domain of the tenant',
        async (host) => {
          expect(outcome(await at(instance, host))).toEqual([200, 'acme']);
        },
      );

      it('is served at the sub-domain of its tenant', async () => {
        const host = 'Umbrella.Tenants.Example.:8080';
        const answer = await instance.call('/api/v1/tenant', { apiKey: umbrella.apiKey, headers: { host } });
        expect(outcome(answer)).toEqual([200, 'umbrella']);
      });

      it("is rejected at the tenant's sub-domain when that is a domain of another tenant", async () => {
        expect(outcome(await at(instance, 'acme.tenants.example'))).toEqual([403, 'TENANT_MISMATCH']);
      });

      it('is answered alike at sub-domains of other tenants and of none', async () => {
        const answers = await Promise.all(
          ['umbrella', 'nobody', 'api', 'x.umbrella', 'x.acme', '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11'].map((label) =>
            at(instance, `${label}.tenants.example`),
          ),
        );
        expect(answers.map(({ status, text: body }) => [status, body])).toEqual(
          answers.map(() => [403, answers[0]!.text]),
        );
        expect(outcome(answers[0]!)).toEqual([403, 'TENANT_MISMATCH']);
      });
    });

    it('is not authenticated by the host alone', async () => {
      const answer = await app.call('/api/v1/tenant', { headers: { host: 'acme.example.com' } });
      expect(outcome(answer)).toEqual([401, 'UNAUTHENTICATED']);
    });
  });

  it.each([
    ['an answer to a tenant', '/api/v1/tenant', true],
    ['a rejection', '/api/v1/tenant', false],
    ['an unknown path', '/api/v1/nothing', true],
  ])('%s may not be stored by shared caches, which would serve it to other tenants', async (_what, path, isKnown) => {
    const { headers } = await app.call(path, { apiKey: isKnown ? acme.apiKey : 'unknown' });
    expect(headers.get('cache-control')).toBe('private, no-store');
    expect(headers.get('vary')).toBe('Authorization, X-Tenant-ID');
  });

  describe('a request that says twice who it is or where it goes', () => {
    /** The status line of an answer to these lines, sent as they are. */
    async function statusOf(...lines: string[]): Promise<string | undefined> {
      const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
      // Not half-closed: Node then ends its side as well, before an answer that takes longer than a tick.
      socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
      return /^HTTP\/1.1 (\d{3})/.exec(await text(socket))?.[1];
    }

    const key = (tenant: TestTenant): string => `Authorization: Bearer ${tenant.apiKey}`;
    const GET = 'GET /api/v1/tenant HTTP/1.1';

    it.each([
      ['no Host header', () => [GET, key(acme)]],
      ['two Host headers', () => [GET, 'Host: acme.example.com', 'Host: umbrella.example.com', key(acme)]],
      ['two equal Host headers', () => [GET, 'Host: acme.example.com', 'host: acme.example.com', key(acme)]],
      ['two credentials', () => [GET, 'Host: api.example.com', key(acme), key(umbrella)]],
      [
        'a target of another host',
        () => ['GET http://umbrella.example.com/api/v1/tenant HTTP/1.1', 'Host: acme.example.com', key(acme)],
      ],
    ])('is refused with 400: %s', async (_what, lines) => {
      expect(await statusOf(...lines())).toBe('400');
    });

    it.each([
      ['an ordinary one', () => [GET, 'Host: acme.example.com', key(acme)]],
      [
        'a target in absolute form of the same host',
        () => ['GET http://ACME.example.com/api/v1/tenant HTTP/1.1', 'Host: acme.example.com', key(acme)],
      ],
    ])('is not %s', async (_what, lines) => {
      expect(await statusOf(...lines())).toBe('200');
    });
  });

  describe('a JSON Web Token', () => {
    const unsignedToken = (claims: Record<string, unknown>): SignJWT =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256' });
    const sign = (claims: Record<string, unknown>, secret = SECRET, expires: number | string = '5m'): Promise<string> =>
      unsignedToken(claims).setExpirationTime(expires).sign(new TextEncoder().encode(secret));

    it('authenticates the tenant in its claim, by slug or by id', async () => {
      for (const tenant of ['acme', acme.id]) {
        expect(outcome(await app.call('/api/v1/tenant', { apiKey: await sign({ tenant }) }))).toEqual([200, 'acme']);
      }
    });

    it('is rejected unless its signature, expiry and claim are valid', async () => {
      const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"tenant":"acme"}').toString('base64url')}.`;
      const tokens = [
        unsigned,
        await sign({ tenant: 'acme' }, 'another-secret-that-is-long-enough-too'),
        await sign({ tenant: 'acme' }, SECRET, Math.floor(Date.now() / 1000) - 60),
        await unsignedToken({ tenant: 'acme' }).sign(new TextEncoder().encode(SECRET)), // never expires
        await sign({}),
        await sign({ tenant: 'nobody' }),
        await sign({ tenant: 7 }),
        await sign({ tenant: { $ne: null } }),
      ];
      for (const apiKey of tokens) {
        expect(outcome(await app.call('/api/v1/tenant', { apiKey }))).toEqual([401, 'UNAUTHENTICATED']);
      }
    });

    it('is bound to its tenant like an API key', async () => {
      const answer = await app.call('/api/v1/tenant', {
        apiKey: await sign({ tenant: 'acme' }),
        headers: { 'x-tenant-id': 'umbrella' },
      });
      expect(outcome(answer)).toEqual([403, 'TENANT_MISMATCH']);
    });
  });

  describe('a JSON Web Token of a published key set', () => {
    let keys: Server;
    let instance: TestApp;
    let sign: (claims: Record<string, unknown>) => Promise<string>;
    let publicKey: string;

    beforeAll(async () => {
      const pair = await generateKeyPair('ES256', { extractable: true });
      const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
      publicKey = JSON.stringify(jwk);
      keys = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
      await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
      const { port } = keys.address() as AddressInfo;
      instance = await launch(app.database, {
        JWT_JWKS_URL: `http://127.0.0.1:${port}/`,
        JWT_TENANT_CLAIM: 'org',
        JWT_ISSUER: ISSUER,
        JWT_AUDIENCE: AUDIENCE,
      });
      sign = (claims) =>
        new SignJWT({ iss: ISSUER, aud: AUDIENCE, ...claims })
          .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
          .setExpirationTime('5m')
          .sign(pair.privateKey);
    });

    afterAll(async () => {
      await instance.stop();
      await new Promise((resolve) => keys.close(resolve));
    });

    it('authenticates the tenant in the configured claim', async () => {
      const answer = await instance.call('/api/v1/tenant', { apiKey: await sign({ org: 'umbrella' }) });
      expect(outcome(answer)).toEqual([200, 'umbrella']);
      expect(outcome(await instance.call('/api/v1/tenant', { apiKey: await sign({ tenant: 'umbrella' }) }))).toEqual([
        401,
        'UNAUTHENTICATED',
      ]);
    });

    it.each([
      ['another issuer', { iss: 'https://other.example' }],
      ['no issuer', { iss: undefined }],
      ['another audience', { aud: 'billing' }],
      ['no audience', { aud: undefined }],
    ])('is rejected with %s', async (_what, claims) => {
      const apiKey = await sign({ org: 'umbrella', ...claims });
      expect(outcome(await instance.call('/api/v1/tenant', { apiKey }))).toEqual([401, 'UNAUTHENTICATED']);
    });

    it('is accepted when the configured audience is one of several', async () => {
      const apiKey = await sign({ org: 'umbrella', aud: ['billing', AUDIENCE] });
      expect(outcome(await instance.call('/api/v1/tenant', { apiKey }))).toEqual([200, 'umbrella']);
    });

    it('is rejected when it was signed with the public key as a shared secret', async () => {
      const forged = await new SignJWT({ iss: ISSUER, aud: AUDIENCE, org: 'umbrella' })
        .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
        .setExpirationTime('5m')
        .sign(new TextEncoder().encode(publicKey));
      expect(outcome(await instance.call('/api/v1/tenant', { apiKey: forged }))).toEqual([401, 'UNAUTHENTICATED']);
    });
  });
}
