import { type ApiKeyRecord, isUsable, parseApiKey } from '../../catalog/model/api-key.js';
import type { Tenant, TenantRef } from '../../catalog/model/tenant.js';
import type { TenantScope } from '../context/tenant-context.js';
import type { Caller } from './caller.js';
import { TenantMismatchError, UnauthenticatedError } from './identification.errors.js';
import { names, subdomain, type TenantSelectors } from './selectors.js';

/** A fact that has to be loaded before the decision can be taken. */
export const UNKNOWN = Symbol('UNKNOWN');

export type Fact<T> = T | typeof UNKNOWN;

/** What the decision about a caller is based on, however it was obtained. `null`: it is known not to exist. */
export interface CallerFacts {
  isAdminKey(token: string): boolean;
  apiKey(keyId: string): Fact<ApiKeyRecord | null>;
  isSecretOf(secret: string, key: ApiKeyRecord): boolean;
  /** The tenant claim of a verified token: a slug or an id. @throws UnauthenticatedError when it does not verify */
  tenantClaim(token: string): Fact<string>;
  tenant(id: string): Fact<Tenant | null>;
  tenantWithSlug(slug: string): Fact<TenantRef | null>;
  tenantWithDomain(host: string): Fact<TenantRef | null>;
  /** Why the tenant is not served at the moment; undefined when it is. */
  rejectionOf(tenant: Tenant): Error | undefined;
  /** @throws what keeps the tenant's data source from being opened */
  scope(tenant: Tenant): Fact<TenantScope>;
}

const BEARER = /^Bearer +([\x21-\x7e]{1,8192})$/i;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ANONYMOUS: Caller = { kind: 'anonymous' };
const ADMIN: Caller = { kind: 'admin' };

/**
 * Decides who a request comes from: the one place where this is decided. The credential is verified first; host, path and
 * header only select, and a request in which they disagree with the credential is refused.
 *
 * @returns UNKNOWN when a fact is missing that has to be loaded first. Never throws: a bad credential is an answer.
 */
export function decideCaller(
  authorization: string | undefined,
  selectors: TenantSelectors,
  facts: CallerFacts,
): Fact<Caller> {
  if (authorization === undefined) return ANONYMOUS;
  try {
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) throw new UnauthenticatedError('not a bearer credential');
    const tenant = tenantOf(token, facts);
    if (tenant === UNKNOWN || tenant === 'admin') return tenant === 'admin' ? ADMIN : UNKNOWN;
    if (!tenant) throw new UnauthenticatedError('the credential belongs to no tenant');
    if (checkSelectors(tenant, selectors, facts) === UNKNOWN) return UNKNOWN;
    return tenantCaller(tenant, facts);
  } catch (rejection) {
    return { kind: 'refused', rejection };
  }
}

function tenantOf(token: string, facts: CallerFacts): Fact<Tenant | 'admin' | null> {
  const key = parseApiKey(token);
  const record = key && facts.apiKey(key.keyId);
  if (record === UNKNOWN) return UNKNOWN;
  if (key && record && facts.isSecretOf(key.secret, record)) {
    if (!isUsable(record)) throw new UnauthenticatedError(record.isRevoked ? 'revoked API key' : 'expired API key');
    return facts.tenant(record.tenantId);
  }
  if (facts.isAdminKey(token)) return 'admin';
  if (token.startsWith('tnt_')) throw new UnauthenticatedError('unknown API key');
  const claim = facts.tenantClaim(token);
  return claim === UNKNOWN ? UNKNOWN : tenantNamed(claim, facts);
}

function tenantNamed(slugOrId: string, facts: CallerFacts): Fact<Tenant | null> {
  if (UUID.test(slugOrId)) return facts.tenant(slugOrId.toLowerCase());
  const ref = facts.tenantWithSlug(slugOrId);
  return ref === UNKNOWN || ref === null ? ref : facts.tenant(ref.id);
}

/** @throws TenantMismatchError */
function checkSelectors(
  tenant: Tenant,
  { header, path, host }: TenantSelectors,
  facts: CallerFacts,
): typeof UNKNOWN | undefined {
  if (header !== undefined && !names(header, tenant)) throw new TenantMismatchError('header');
  if (path !== undefined && !names(path, tenant)) throw new TenantMismatchError('path');
  if (host === undefined || names(subdomain(host), tenant)) return undefined;
  const owner = ownerOf(host, facts);
  if (owner === UNKNOWN) return UNKNOWN;
  if (owner && owner.id !== tenant.id) throw new TenantMismatchError('host');
  return undefined;
}

/** Null for a host that is no tenant's, such as the one that the whole API is served under. */
function ownerOf(host: string, facts: CallerFacts): Fact<TenantRef | null> {
  return facts.tenantWithDomain(host) ?? facts.tenantWithSlug(subdomain(host));
}

function tenantCaller(tenant: Tenant, facts: CallerFacts): Fact<Caller> {
  try {
    const rejection = facts.rejectionOf(tenant);
    if (rejection) throw rejection;
    const scope = facts.scope(tenant);
    return scope === UNKNOWN ? UNKNOWN : { kind: 'tenant', tenant, scope, rejection: undefined };
  } catch (rejection) {
    return { kind: 'tenant', tenant, scope: undefined, rejection };
  }
}
