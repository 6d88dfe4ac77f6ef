import { beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { type ApiKeyRecord, newApiKey } from '../../../../src/catalog/model/api-key.js';
import { newBearerKey } from '../../../../src/catalog/model/bearer-key.js';
import { ADMIN_KEY_OPERATOR, type Operator, type OperatorKeyRecord } from '../../../../src/catalog/model/operator.js';
import type { Tenant, TenantRef } from '../../../../src/catalog/model/tenant.js';
import type { TenantScope } from '../../../../src/tenant/context/tenant-context.js';
import type { Caller } from '../../../../src/tenant/identification/caller.js';
import {
  type CallerFacts,
  decideCaller,
  decideResolvedCaller,
  decideSessionCaller,
  UNKNOWN,
  type VerifiedToken,
} from '../../../../src/tenant/identification/decide-caller.js';
import {
  OperatorSessionEndedError,
  UnauthenticatedError,
} from '../../../../src/tenant/identification/identification.errors.js';
import { type FactSources, RequestFacts } from '../../../../src/tenant/identification/request-facts.js';
import type { ResolvedTenant } from '../../../../src/tenant/identification/tenant-resolver.js';
import type { TenantSelectors } from '../../../../src/tenant/identification/selectors.js';
import { VerifiedSecrets } from '../../../../src/tenant/identification/verified-secrets.js';

const ACME: Tenant = {
  ...{ id: '6f1f6a3e-3c1b-4a53-9f8e-0a3f5a1c2b3d', slug: 'acme', status: 'active', isolation: 'row' },
  ...{ targetId: null, schema: null, schemaVersion: null, migrationSet: null, limits: {}, message: null, version: 1 },
};
const UMBRELLA: Tenant = { ...ACME, id: '0b8f6a3e-3c1b-4a53-9f8e-0a3f5a1c2b3d', slug: 'umbrella' };
const NO_SELECTORS: TenantSelectors = { header: undefined, path: undefined, host: undefined, subdomain: undefined };
const ADMIN_KEY = 'an-admin-key';
const ORIGIN = { address: '192.0.2.1', requestId: 'request' };

const { token, keyId, secretHash } = newApiKey();
const KEY: ApiKeyRecord = { tenantId: ACME.id, secretHash, isRevoked: false, isExpired: false };
const anna = newBearerKey('adm');
const ANNA: Operator = { id: UMBRELLA.id, name: 'anna', role: 'viewer', limitedTo: undefined };
const ANNAS_KEY: OperatorKeyRecord = { ...anna, operator: ANNA, isRevoked: false, isExpired: false };
const session = newBearerKey('ses');
const ACME_REF = 'tnt of acme';

/** Everything that can be known, as maps that a test changes. */
interface World {
  readonly keys: Map<string, ApiKeyRecord>;
  readonly operatorKeys: Map<string, OperatorKeyRecord>;
  readonly tenants: Map<string, Tenant>;
  readonly domains: Map<string, TenantRef>;
  readonly claims: Map<string, string>;
  brokenScope: Error | undefined;
}

let world: World;

beforeEach(() => {
  world = {
    keys: new Map([[keyId, KEY]]),
    operatorKeys: new Map([[anna.keyId, ANNAS_KEY]]),
    tenants: new Map([ACME, UMBRELLA].map((tenant) => [tenant.id, tenant])),
    domains: new Map([
      ['shop.acme.example', ACME],
      ['acme.umbrella.example', UMBRELLA],
    ]),
    claims: new Map([['jwt-of-acme', 'acme']]),
    brokenScope: undefined,
  };
});

function bySlug(slug: string): Tenant | null {
  return [...world.tenants.values()].find((tenant) => tenant.slug === slug) ?? null;
}

function scopeOf(tenant: Tenant): TenantScope {
  if (world.brokenScope) throw world.brokenScope;
  return { tenant, dataSource: ACME_REF as unknown as DataSource };
}

function verify(jwt: string): VerifiedToken {
  const tenant = world.claims.get(jwt);
  if (tenant === undefined) throw new UnauthenticatedError('does not verify');
  return { tenant, principal: { kind: 'jwt', claims: { tenant, roles: ['buyer'] } } };
}

const rejectionOf = ({ status }: Tenant): never | undefined => {
  if (status !== 'active') throw new Error(status);
  return undefined;
};

const secrets = new VerifiedSecrets();

/** All of it at once: what the cache holds in memory for nearly all requests. */
const atOnce: CallerFacts = {
  isAdminKey: (key) => key === ADMIN_KEY,
  apiKey: (id) => world.keys.get(id) ?? null,
  operatorKey: (id) => world.operatorKeys.get(id) ?? null,
  operatorSession: (id) => world.operatorKeys.get(id) ?? null,
  isSecretOf: (secret, key) => secrets.verify(secret, key),
  verifiedToken: verify,
  tenant: (id) => world.tenants.get(id) ?? null,
  tenantWithSlug: bySlug,
  tenantWithDomain: (host) => world.domains.get(host) ?? null,
  rejectionOf,
  scope: scopeOf,
};

/** Nothing of it in memory: each fact has to be loaded. */
const toLoad: FactSources = {
  lookup: {
    peek: () => undefined,
    apiKey: async (id) => world.keys.get(id) ?? null,
    byId: async (id) => world.tenants.get(id) ?? null,
    bySlug: async (slug) => bySlug(slug),
    byDomain: async (host) => world.tenants.get(world.domains.get(host)?.id ?? '') ?? null,
  },
  connections: { openScope: () => undefined, scope: async (tenant) => scopeOf(tenant) },
  availability: { rejectionOf },
  jwt: { verify: async (jwt) => verify(jwt) },
  secrets,
  adminKey: { check: (key) => (key === ADMIN_KEY ? 'same' : 'wrong') },
  operatorKeys: { find: async (id) => world.operatorKeys.get(id) ?? null },
  operatorSessions: { find: async (id) => world.operatorKeys.get(id) ?? null },
};

/** The decision, taken with all facts in memory and with all facts to be loaded; both must be the same. */
async function decide(credential: string | undefined, selectors: Partial<TenantSelectors> = {}): Promise<Caller> {
  const authorization = credential === undefined ? undefined : `Bearer ${credential}`;
  const all = { ...NO_SELECTORS, ...selectors };
  const fast = decideCaller(authorization, all, atOnce);
  if (fast === UNKNOWN) throw new Error('a fact was missing although all are known');
  const facts = new RequestFacts(toLoad, ORIGIN);
  let loaded = decideCaller(authorization, all, facts);
  for (let loads = 0; loaded === UNKNOWN; loads += 1) {
    if (loads > 6) throw new Error('the decision asks for ever more facts');
    await facts.load();
    loaded = decideCaller(authorization, all, facts);
  }
  expect(loaded).toEqual(fast);
  return fast;
}

/** The decision about a caller whom the application has identified. */
async function decideResolved(resolved: ResolvedTenant, selectors: Partial<TenantSelectors> = {}): Promise<Caller> {
  const all = { ...NO_SELECTORS, ...selectors };
  const fast = decideResolvedCaller(resolved, all, atOnce);
  const facts = new RequestFacts(toLoad, ORIGIN);
  let loaded = decideResolvedCaller(resolved, all, facts);
  for (let loads = 0; loaded === UNKNOWN && loads < 6; loads += 1) {
    await facts.load();
    loaded = decideResolvedCaller(resolved, all, facts);
  }
  expect(loaded).toEqual(fast);
  return fast as Caller;
}

const asAcme = { kind: 'tenant', tenant: ACME, scope: { tenant: ACME }, rejection: undefined };

describe('decideCaller', () => {
  it('treats a request without a credential as anonymous, whatever tenant it selects', async () => {
    expect(await decide(undefined, { header: 'acme', host: 'acme.example.com' })).toEqual({ kind: 'anonymous' });
  });

  it('identifies a tenant by API key or by a token with its slug or id, and an admin by the admin key', async () => {
    world.claims.set('jwt-by-id', ACME.id.toUpperCase());
    for (const credential of [token, 'jwt-of-acme', 'jwt-by-id'])
      expect(await decide(credential)).toMatchObject(asAcme);
    expect(await decide(ADMIN_KEY)).toEqual({ kind: 'operator', operator: ADMIN_KEY_OPERATOR });
  });

  it('identifies an operator by a key, whatever tenant the request selects', async () => {
    expect(await decide(anna.token, { header: 'acme' })).toEqual({ kind: 'operator', operator: ANNA });
  });

  it.each<[string, Partial<OperatorKeyRecord>]>([
    ['was revoked', { isRevoked: true }],
    ['has expired', { isExpired: true }],
    ['has another secret', { secretHash: newBearerKey('adm').secretHash }],
  ])("refuses an operator's key that %s", async (_what, change) => {
    world.operatorKeys.set(anna.keyId, { ...ANNAS_KEY, ...change });
    expect(await decide(anna.token)).toMatchObject({ kind: 'refused', rejection: expect.any(UnauthenticatedError) });
  });

  it("looks no operator's key up while attempts from the address are not compared", () => {
    const facts = new RequestFacts({ ...toLoad, adminKey: { check: () => 'delayed' } }, ORIGIN);
    expect(decideCaller(`Bearer ${anna.token}`, NO_SELECTORS, facts)).toMatchObject({ kind: 'refused' });
  });

  describe('of a session', () => {
    const decideSession = async (of = session.token): Promise<Caller> => {
      const facts = new RequestFacts(toLoad, ORIGIN);
      if (decideSessionCaller(of, facts) === UNKNOWN) await facts.load();
      const caller = decideSessionCaller(of, facts) as Caller;
      expect(decideSessionCaller(of, atOnce)).toEqual(caller);
      return caller;
    };
    const open = (change: Partial<OperatorKeyRecord> = {}) =>
      world.operatorKeys.set(session.keyId, { ...ANNAS_KEY, secretHash: session.secretHash, ...change });

    it('identifies its operator', async () => {
      open();
      expect(await decideSession()).toEqual({ kind: 'operator', operator: ANNA });
    });

    it.each<[string, Partial<OperatorKeyRecord>]>([
      ['was ended', { isRevoked: true }],
      ['has expired', { isExpired: true }],
    ])('refuses one that %s, which is no guess', async (_what, change) => {
      open(change);
      expect(await decideSession()).toMatchObject({
        kind: 'refused',
        rejection: expect.any(OperatorSessionEndedError),
      });
    });

    it.each<[string, string, Partial<OperatorKeyRecord>]>([
      ['another secret', session.token, { secretHash: anna.secretHash }],
      ["an operator's key in its place", anna.token, {}],
      ['the admin key in its place', ADMIN_KEY, {}],
      ['no form', '', {}],
    ])('refuses one with %s', async (_what, of, change) => {
      open(change);
      expect(await decideSession(of)).toMatchObject({ kind: 'refused', rejection: expect.any(UnauthenticatedError) });
    });

    it('is not looked up while attempts from the address are not compared', () => {
      const facts = new RequestFacts({ ...toLoad, adminKey: { check: () => 'delayed' } }, ORIGIN);
      expect(decideSessionCaller(session.token, facts)).toMatchObject({ kind: 'refused' });
    });

    it('is no bearer credential', async () => {
      open();
      expect(await decide(session.token)).toMatchObject({ kind: 'refused' });
    });
  });

  it('knows an API key with which an operator works as the tenant', async () => {
    world.keys.set(keyId, { ...KEY, impersonatedBy: 'anna' });
    expect(await decide(token)).toMatchObject({ principal: { kind: 'api-key', keyId, impersonatedBy: 'anna' } });
  });

  it.each<[string, () => void]>([
    ['was revoked', () => world.keys.set(keyId, { ...KEY, isRevoked: true })],
    ['has expired', () => world.keys.set(keyId, { ...KEY, isExpired: true })],
    ['has another secret', () => world.keys.set(keyId, { ...KEY, secretHash: newApiKey().secretHash })],
    ['does not exist', () => world.keys.clear()],
    ['belongs to a tenant that does not exist', () => world.tenants.clear()],
  ])('rejects an API key that %s', async (_why, happens) => {
    happens();
    expect(await decide(token)).toMatchObject({ kind: 'refused', rejection: { code: 'UNAUTHENTICATED' } });
  });

  it.each(['not-a-token', 'tnt_short', `tnt_${keyId}_${newApiKey().token.slice(-43)}`])(
    'rejects the credential %s',
    async (credential) => {
      expect(await decide(credential)).toMatchObject({ kind: 'refused', rejection: { code: 'UNAUTHENTICATED' } });
    },
  );

  it('rejects a credential of another scheme than Bearer', () => {
    expect(decideCaller('Basic YTpi', NO_SELECTORS, atOnce)).toMatchObject({ kind: 'refused' });
  });

  it('rejects a token that names an unknown tenant', async () => {
    world.claims.set('jwt-of-nobody', 'nobody');
    expect(await decide('jwt-of-nobody')).toMatchObject({ kind: 'refused', rejection: { code: 'UNAUTHENTICATED' } });
  });

  it.each<Partial<TenantSelectors>>([
    { header: 'acme' },
    { header: ACME.id.toUpperCase() },
    { path: 'ACME' },
    { host: 'acme.example.com', subdomain: 'acme' },
    { host: 'shop.acme.example' },
    { host: 'shop.acme.example', subdomain: 'shop' },
    { host: 'api.example.com' },
    { host: 'umbrella.example.com' },
  ])('accepts the selectors %j, which name the tenant of the credential or none', async (selectors) => {
    expect(await decide(token, selectors)).toMatchObject(asAcme);
  });

  it.each<[string, Partial<TenantSelectors>]>([
    ['header', { header: 'umbrella' }],
    ['header', { header: '' }],
    ['path', { path: UMBRELLA.id }],
    ['host', { host: 'umbrella.example.com', subdomain: 'umbrella' }],
    ['host', { host: 'nobody.example.com', subdomain: 'nobody' }],
    ['host', { host: 'x.acme.example.com', subdomain: 'x.acme' }],
    ['host', { host: 'acme.umbrella.example' }],
    ['host', { host: 'acme.umbrella.example', subdomain: 'acme' }],
  ])('rejects a request whose %s does not name its tenant: %j', async (selector, selectors) => {
    expect(await decide(token, selectors)).toMatchObject({
      kind: 'refused',
      rejection: { code: 'TENANT_MISMATCH', selector },
    });
  });

  it('identifies a tenant that is not served, with the reason and without a scope', async () => {
    world.tenants.set(ACME.id, { ...ACME, status: 'suspended' });
    const caller = await decide(token);
    expect(caller).toMatchObject({ kind: 'tenant', scope: undefined, rejection: { message: 'suspended' } });
  });

  it('identifies a tenant whose data source cannot be opened, with the reason', async () => {
    world.brokenScope = new Error('no placement');
    expect(await decide(token)).toMatchObject({ kind: 'tenant', scope: undefined, rejection: world.brokenScope });
  });

  it('returns the error of a failed look-up instead of throwing it', async () => {
    const failing = { ...toLoad, lookup: { ...toLoad.lookup, apiKey: () => Promise.reject(new Error('away')) } };
    const facts = new RequestFacts(failing, ORIGIN);
    expect(decideCaller(`Bearer ${token}`, NO_SELECTORS, facts)).toBe(UNKNOWN);
    await facts.load();
    expect(decideCaller(`Bearer ${token}`, NO_SELECTORS, facts)).toMatchObject({
      kind: 'refused',
      rejection: { message: 'away' },
    });
  });

  it('knows the admin key without the catalog, even when it has the form of an API key', () => {
    const sources = {
      ...toLoad,
      adminKey: { check: (key: string) => (key === token ? ('same' as const) : ('wrong' as const)) },
    };
    expect(decideCaller(`Bearer ${token}`, NO_SELECTORS, new RequestFacts(sources, ORIGIN))).toEqual({
      kind: 'operator',
      operator: ADMIN_KEY_OPERATOR,
    });
  });

  it('ignores a domain that leads to a tenant which was removed since', async () => {
    world.domains.set('gone.example.org', { id: '11111111-1111-4111-8111-111111111111' });
    expect(await decide(token, { host: 'gone.example.org' })).toMatchObject(asAcme);
  });
});

describe('RequestFacts', () => {
  it('loads nothing that is in memory, including the absence of a host', () => {
    const held = new Map<string, unknown>([
      [`api-key:${keyId}`, KEY],
      [`tenant:${ACME.id}`, ACME],
      ['domain:api.example.com', null],
    ]);
    const peek: FactSources['lookup']['peek'] = ({ name }, key) => held.get(`${name}:${key}`) as never;
    const never = (): never => {
      throw new Error('it was loaded');
    };
    const lookup = { peek, apiKey: never, byId: never, bySlug: never, byDomain: never };
    const facts = new RequestFacts({ ...toLoad, lookup, connections: { openScope: scopeOf, scope: never } }, ORIGIN);
    const selectors = { ...NO_SELECTORS, host: 'api.example.com' };
    expect(decideCaller(`Bearer ${token}`, selectors, facts)).toMatchObject(asAcme);
  });

  it('keeps a loaded fact for the whole request, even when the cache has evicted it', async () => {
    let loads = 0;
    const lookup = { ...toLoad.lookup, apiKey: async () => ((loads += 1), KEY) };
    const facts = new RequestFacts({ ...toLoad, lookup }, ORIGIN);
    expect(facts.apiKey(keyId)).toBe(UNKNOWN);
    await facts.load();
    expect([facts.apiKey(keyId), facts.apiKey(keyId), loads]).toEqual([KEY, KEY, 1]);
  });

  it('never answers with a scope that was loaded for an earlier state of the tenant', async () => {
    const facts = new RequestFacts(toLoad, ORIGIN);
    expect(facts.scope(ACME)).toBe(UNKNOWN);
    await facts.load();
    expect(facts.scope(ACME)).toMatchObject({ tenant: ACME });
    expect(facts.scope({ ...ACME, version: ACME.version + 1 })).toBe(UNKNOWN);
    expect(facts.scope(UMBRELLA)).toBe(UNKNOWN);
  });
});

describe('the principal of a caller', () => {
  it('is the key of an API key, and all claims of a token', async () => {
    expect(await decide(token)).toMatchObject({ principal: { kind: 'api-key', keyId } });
    expect(await decide('jwt-of-acme')).toMatchObject({
      principal: { kind: 'jwt', claims: { tenant: 'acme', roles: ['buyer'] } },
    });
  });
});

describe('decideResolvedCaller', () => {
  const principal = { userId: 7 };

  it.each(['acme', ACME.id, ACME.id.toUpperCase()])(
    'serves the tenant %s, with the principal as it is',
    async (tenant) => {
      const caller = await decideResolved({ tenant, principal });
      expect(caller).toMatchObject(asAcme);
      expect((caller as { principal: unknown }).principal).toBe(principal);
    },
  );

  it('refuses a tenant that does not exist: the caller is known, so that it is no matter of a credential', async () => {
    expect(await decideResolved({ tenant: 'gone' })).toMatchObject({
      kind: 'refused',
      rejection: { code: 'FORBIDDEN' },
    });
  });

  it('refuses a request whose header, path or host names another tenant than the resolver', async () => {
    for (const selectors of [{ header: 'acme' }, { path: 'acme' }, { host: 'shop.acme.example' }]) {
      const caller = await decideResolved({ tenant: 'umbrella' }, selectors);
      expect(caller).toMatchObject({ kind: 'refused', rejection: { code: 'TENANT_MISMATCH' } });
    }
  });

  it('keeps the reason for which a tenant is not served', async () => {
    world.tenants.set(ACME.id, { ...ACME, status: 'suspended' });
    expect(await decideResolved({ tenant: 'acme', principal })).toMatchObject({
      kind: 'tenant',
      scope: undefined,
      principal,
    });
  });
});
