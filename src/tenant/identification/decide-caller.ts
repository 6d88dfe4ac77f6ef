import type { BearerKeyParts } from '../../catalog/model/bearer-key.js';
import { type ApiKeyRecord, parseApiKey } from '../../catalog/model/api-key.js';
import {
  ADMIN_KEY_OPERATOR,
  type Operator,
  type OperatorKeyRecord,
  parseOperatorKey,
  parseSessionToken,
} from '../../catalog/model/operator.js';
import type { Tenant, TenantRef } from '../../catalog/model/tenant.js';
import { isUuid } from '../../platform/uuid.js';
import type { TenantScope } from '../context/tenant-context.js';
import type { Caller } from './caller.js';
import {
  OperatorSessionEndedError,
  TenantMismatchError,
  UnauthenticatedError,
  UnknownMembershipError,
} from './identification.errors.js';
import type { ApiKeyPrincipal, JwtPrincipal } from './principal.js';
import type { ResolvedTenant } from './tenant-resolver.js';
import { selects, type TenantSelectors } from './selectors.js';

/** A fact that must be loaded before the decision can be made. */
export const UNKNOWN = Symbol('UNKNOWN');

export type Fact<T> = T | typeof UNKNOWN;

/**
 * The facts that the decision is based on, wherever they come from. `null` means that a value is known not to exist.
 */
export interface CallerFacts {
  isAdminKey(token: string): boolean;
  apiKey(keyId: string): Fact<ApiKeyRecord | null>;
  operatorKey(keyId: string): Fact<OperatorKeyRecord | null>;
  operatorSession(sessionId: string): Fact<OperatorKeyRecord | null>;
  isSecretOf(secret: string, key: ApiKeyRecord | OperatorKeyRecord): boolean;
  /** A verified token, with a slug or an id as its tenant. @throws UnauthenticatedError for an invalid token */
  verifiedToken(token: string): Fact<VerifiedToken>;
  tenant(id: string): Fact<Tenant | null>;
  tenantWithSlug(slug: string): Fact<TenantRef | null>;
  tenantWithDomain(host: string): Fact<TenantRef | null>;
  /** The reason why the tenant is not served; undefined when it is. */
  rejectionOf(tenant: Tenant): Error | undefined;
  /** @throws the error that prevents opening the tenant's data source */
  scope(tenant: Tenant): Fact<TenantScope>;
}

export interface VerifiedToken {
  readonly tenant: string;
  readonly principal: JwtPrincipal;
}

/** What a verified credential proves; `tenant` is null when there is no such tenant. */
interface Proven {
  readonly tenant: Fact<Tenant | null>;
  readonly principal: ApiKeyPrincipal | JwtPrincipal;
}

/** What an operator's verified key proves. */
interface ProvenOperator {
  readonly operator: Operator;
}

const BEARER = /^Bearer +([\x21-\x7e]{1,8192})$/i;
const ANONYMOUS: Caller = { kind: 'anonymous' };
const ADMIN_KEY: ProvenOperator = { operator: ADMIN_KEY_OPERATOR };

/**
 * Decides who the caller of a request is; nothing else does. The credential is verified first; host, path and header
 * only select, and a request in which they disagree with the credential is rejected. Never throws: an invalid
 * credential is a result.
 *
 * @returns UNKNOWN when a fact must be loaded first
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
    const proven = provenBy(token, facts);
    if (proven === UNKNOWN) return UNKNOWN;
    if ('operator' in proven) return { kind: 'operator', operator: proven.operator };
    if (!proven.tenant) throw new UnauthenticatedError('the credential belongs to no tenant');
    return selectedCaller(proven.tenant, proven.principal, selectors, facts);
  } catch (rejection) {
    return { kind: 'refused', rejection };
  }
}

/**
 * The same decision for a request of the console, whose operator has a session.
 *
 * @returns UNKNOWN when a fact must be loaded first
 */
export function decideSessionCaller(token: string, facts: CallerFacts): Fact<Caller> {
  try {
    const parts = parseSessionToken(token);
    // The comparison counts an unknown token as an attempt, and keeps it from the catalog while the address is closed.
    if (!parts || facts.isAdminKey(token)) throw new UnauthenticatedError('no token of a session');
    const record = facts.operatorSession(parts.keyId);
    if (record === UNKNOWN) return UNKNOWN;
    if (!record || !facts.isSecretOf(parts.secret, record)) throw new UnauthenticatedError('unknown session');
    if (record.isRevoked || record.isExpired) throw new OperatorSessionEndedError();
    return { kind: 'operator', operator: record.operator };
  } catch (rejection) {
    return { kind: 'refused', rejection };
  }
}

/**
 * The same decision for a request whose caller the application has identified itself.
 *
 * @returns UNKNOWN when a fact must be loaded first
 */
export function decideResolvedCaller(
  { tenant: slugOrId, principal }: ResolvedTenant,
  selectors: TenantSelectors,
  facts: CallerFacts,
): Fact<Caller> {
  try {
    const tenant = tenantNamed(slugOrId, facts);
    if (tenant === null) throw new UnknownMembershipError();
    return selectedCaller(tenant, principal, selectors, facts);
  } catch (rejection) {
    return { kind: 'refused', rejection };
  }
}

/** @throws TenantMismatchError */
function selectedCaller(
  tenant: Fact<Tenant>,
  principal: unknown,
  selectors: TenantSelectors,
  facts: CallerFacts,
): Fact<Caller> {
  if (tenant === UNKNOWN || checkSelectors(tenant, selectors, facts) === UNKNOWN) return UNKNOWN;
  return tenantCaller(tenant, principal, facts);
}

function provenBy(token: string, facts: CallerFacts): Fact<Proven | ProvenOperator> {
  const operatorKey = parseOperatorKey(token);
  if (operatorKey) return facts.isAdminKey(token) ? ADMIN_KEY : provenByOperatorKey(operatorKey, facts);
  const key = parseApiKey(token);
  const record = key && facts.apiKey(key.keyId);
  if (record === UNKNOWN) return facts.isAdminKey(token) ? ADMIN_KEY : UNKNOWN; // an admin key needs no catalog
  if (key && record && facts.isSecretOf(key.secret, record)) {
    if (record.isRevoked) throw new UnauthenticatedError('revoked API key');
    if (record.isExpired) throw new UnauthenticatedError('expired API key');
    return { tenant: facts.tenant(record.tenantId), principal: principalOf(key.keyId, record) };
  }
  if (facts.isAdminKey(token)) return ADMIN_KEY;
  if (token.startsWith('tnt_')) throw new UnauthenticatedError('unknown API key');
  const verified = facts.verifiedToken(token);
  if (verified === UNKNOWN) return UNKNOWN;
  return { tenant: tenantNamed(verified.tenant, facts), principal: verified.principal };
}

function principalOf(keyId: string, { impersonatedBy }: ApiKeyRecord): ApiKeyPrincipal {
  return { kind: 'api-key', keyId, ...(impersonatedBy !== undefined && { impersonatedBy }) };
}

/** @throws UnauthenticatedError */
function provenByOperatorKey({ keyId, secret }: BearerKeyParts, facts: CallerFacts): Fact<ProvenOperator> {
  const record = facts.operatorKey(keyId);
  if (record === UNKNOWN) return UNKNOWN;
  if (!record || !facts.isSecretOf(secret, record)) throw new UnauthenticatedError("unknown operator's key");
  if (record.isRevoked) throw new UnauthenticatedError("revoked operator's key");
  if (record.isExpired) throw new UnauthenticatedError("expired operator's key");
  return { operator: record.operator };
}

function tenantNamed(slugOrId: string, facts: CallerFacts): Fact<Tenant | null> {
  if (isUuid(slugOrId)) return facts.tenant(slugOrId.toLowerCase());
  const ref = facts.tenantWithSlug(slugOrId);
  return ref === UNKNOWN || ref === null ? ref : facts.tenant(ref.id);
}

/** @throws TenantMismatchError */
function checkSelectors(
  tenant: Tenant,
  { header, path, host, subdomain }: TenantSelectors,
  facts: CallerFacts,
): typeof UNKNOWN | undefined {
  if (header !== undefined && !selects(header, tenant)) throw new TenantMismatchError('header');
  if (path !== undefined && !selects(path, tenant)) throw new TenantMismatchError('path');
  if (host === undefined) return undefined;
  const owner = existing(facts.tenantWithDomain(host), tenant, facts);
  if (owner === UNKNOWN) return UNKNOWN;
  // Whether another tenant has that sub-domain makes no difference, so that the answer does not tell.
  const isTenants = owner ? owner.id === tenant.id : subdomain === undefined || selects(subdomain, tenant);
  if (!isTenants) throw new TenantMismatchError('host');
  return undefined;
}

/** Null for a name that leads to a tenant which was removed since. */
function existing(ref: Fact<TenantRef | null>, tenant: Tenant, facts: CallerFacts): Fact<TenantRef | null> {
  if (ref === UNKNOWN || ref === null || ref.id === tenant.id) return ref;
  return facts.tenant(ref.id);
}

function tenantCaller(tenant: Tenant, principal: unknown, facts: CallerFacts): Fact<Caller> {
  try {
    const rejection = facts.rejectionOf(tenant);
    if (rejection) throw rejection;
    const scope = facts.scope(tenant);
    return scope === UNKNOWN ? UNKNOWN : { kind: 'tenant', tenant, scope, principal, rejection: undefined };
  } catch (rejection) {
    return { kind: 'tenant', tenant, scope: undefined, principal, rejection };
  }
}
