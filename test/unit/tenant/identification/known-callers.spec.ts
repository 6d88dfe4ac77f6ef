import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ApiKeyRecord, newApiKey } from '../../../../src/catalog/model/api-key.js';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import { KnownCallers } from '../../../../src/tenant/identification/known-callers.js';
import type { TenantAvailability } from '../../../../src/tenant/admission/tenant-availability.js';
import type { TenantConnectionService } from '../../../../src/tenant/context/tenant-connection.service.js';
import type { TenantLookup } from '../../../../src/tenant/directory/tenant-lookup.js';

const ACME = { id: '6f1f6a3e-3c1b-4a53-9f8e-0a3f5a1c2b3d', slug: 'acme', status: 'active' } as Tenant;
const OTHER = { ...ACME, id: '0b8f6a3e-3c1b-4a53-9f8e-0a3f5a1c2b3d', slug: 'umbrella' };
const SCOPE = { tenant: ACME };
const NO_SELECTORS = { header: undefined, path: undefined, host: undefined };

const { token, keyId, secretHash } = newApiKey();
const RECORD: ApiKeyRecord = { tenantId: ACME.id, secretHash, expiresAt: null, isRevoked: false };

let held: Map<string, object>;
let scopes: Map<Tenant, object>;
let known: KnownCallers;

beforeEach(() => {
  held = new Map<string, object>([
    [`key:${keyId}`, RECORD],
    [`tenant:${ACME.id}`, ACME],
    ['domain:shop.acme.example', { id: ACME.id }],
    ['domain:shop.umbrella.example', { id: OTHER.id }],
  ]);
  scopes = new Map([[ACME, SCOPE]]);
  known = new KnownCallers(
    { held: ({ name }: { name: string }, key: string) => held.get(`${name}:${key}`) } as unknown as TenantLookup,
    { openScope: (tenant: Tenant) => scopes.get(tenant) } as unknown as TenantConnectionService,
    {
      rejectionOf: ({ status }: Tenant) => (status === 'active' ? undefined : new Error(status)),
    } as TenantAvailability,
  );
  expect(known.recall(token, NO_SELECTORS)).toEqual({
    kind: 'tenant',
    tenant: ACME,
    scope: SCOPE,
    refusal: undefined,
  });
});

describe('a caller who was known', () => {
  it.each<[string, () => void]>([
    ['its key was revoked', () => held.set(`key:${keyId}`, { ...RECORD, isRevoked: true })],
    ['its key has expired', () => held.set(`key:${keyId}`, { ...RECORD, expiresAt: Date.now() })],
    ['its key has another secret', () => held.set(`key:${keyId}`, { ...RECORD, secretHash: newApiKey().secretHash })],
    ["its key is another tenant's, not in memory", () => held.set(`key:${keyId}`, { ...RECORD, tenantId: OTHER.id })],
    ['its key is not in memory', () => held.delete(`key:${keyId}`)],
    ['its tenant is not in memory', () => held.delete(`tenant:${ACME.id}`)],
    ['its tenant is suspended', () => held.set(`tenant:${ACME.id}`, { ...ACME, status: 'suspended' })],
    ['its tenant has changed and is not open as it is now', () => held.set(`tenant:${ACME.id}`, { ...ACME })],
    ['nothing is open for its tenant', () => scopes.clear()],
  ])('is not told at once any more when %s', (_why, happens) => {
    happens();
    expect(known.recall(token, NO_SELECTORS)).toBeUndefined();
  });

  it('is told while the time of its key is not over', () => {
    held.set(`key:${keyId}`, { ...RECORD, expiresAt: Date.now() + 60_000 });
    expect(known.recall(token, NO_SELECTORS)).toMatchObject({ kind: 'tenant' });
  });

  it("is not told by another key's secret", () => {
    expect(known.recall(`tnt_${keyId}_${newApiKey().token.slice(-43)}`, NO_SELECTORS)).toBeUndefined();
  });

  it.each([
    { header: 'acme' },
    { header: ACME.id.toUpperCase() },
    { path: 'ACME' },
    { host: 'acme.example.com' },
    { host: 'shop.acme.example' },
  ])('may be selected by %j', (selectors) => {
    expect(known.recall(token, { ...NO_SELECTORS, ...selectors })).toMatchObject({ kind: 'tenant', tenant: ACME });
  });

  it.each([
    { header: 'umbrella' },
    { path: OTHER.id },
    { host: 'umbrella.example.com' },
    { host: 'shop.umbrella.example' },
    { host: 'nobody.example.com' },
  ])('is not told at once when %j selects somebody else', (selectors) => {
    expect(known.recall(token, { ...NO_SELECTORS, ...selectors })).toBeUndefined();
  });
});
