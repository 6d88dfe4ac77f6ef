import type { OperatorKeyRecord } from '../../catalog/model/operator.js';
import type { ApiKeyRecord } from '../../catalog/model/api-key.js';
import { SLUG as SLUG_SHAPE } from '../../catalog/model/slug.js';
import type { Tenant, TenantRef } from '../../catalog/model/tenant.js';
import type { AdminKey, AdminKeyCheck } from '../admin-key/admin-key.js';
import type { AttemptOrigin } from '../admin-key/refused-attempts.js';
import type { TenantAvailability } from '../admission/tenant-availability.js';
import type { TenantConnectionService } from '../context/tenant-connection.service.js';
import type { TenantScope } from '../context/tenant-context.js';
import { API_KEY, DOMAIN, SLUG, TENANT } from '../directory/cached-kinds.js';
import type { OperatorKeyLookup } from '../operators/operator-key-lookup.js';
import type { OperatorSessionLookup } from '../operators/operator-session-lookup.js';
import type { TenantLookup } from '../directory/tenant-lookup.js';
import { type CallerFacts, type Fact, UNKNOWN, type VerifiedToken } from './decide-caller.js';
import type { JwtVerifier } from './jwt-verifier.js';
import type { VerifiedSecrets } from './verified-secrets.js';

/** The sources of the facts. */
export interface FactSources {
  readonly lookup: Pick<TenantLookup, 'peek' | 'apiKey' | 'byId' | 'bySlug' | 'byDomain'>;
  readonly connections: Pick<TenantConnectionService, 'openScope' | 'scope'>;
  readonly availability: Pick<TenantAvailability, 'rejectionOf'>;
  readonly jwt: Pick<JwtVerifier, 'verify'>;
  readonly secrets: Pick<VerifiedSecrets, 'verify'>;
  readonly adminKey: Pick<AdminKey, 'check'>;
  readonly operatorKeys: Pick<OperatorKeyLookup, 'find'>;
  readonly operatorSessions: Pick<OperatorSessionLookup, 'find'>;
}

type Loaded = { readonly value: unknown } | { readonly error: unknown };

/**
 * The facts about one request. A fact in memory is returned synchronously, because each promise costs a run of the
 * async hooks that carry the tenant context. Any other fact is UNKNOWN until `load` has loaded it, and then keeps its
 * value for the rest of the request, so that a decision is never based on two states of one fact.
 */
export class RequestFacts implements CallerFacts {
  private loaded: Map<string, Loaded> | undefined;
  private missing: { readonly name: string; load(): Promise<unknown> } | undefined;

  /** The last comparison with the admin key. */
  adminKeyCheck: { readonly token: string; readonly result: AdminKeyCheck } | undefined;

  constructor(
    private readonly sources: FactSources,
    readonly origin: AttemptOrigin,
  ) {}

  /** Loads the last fact that was UNKNOWN. If that fails, reading the fact throws the error. */
  async load(): Promise<void> {
    const { missing } = this;
    if (!missing) return;
    this.loaded ??= new Map();
    try {
      this.loaded.set(missing.name, { value: await missing.load() });
    } catch (error) {
      this.loaded.set(missing.name, { error });
    }
  }

  isAdminKey(token: string): boolean {
    const result = this.sources.adminKey.check(token, this.origin);
    this.adminKeyCheck = { token, result };
    return result === 'same';
  }

  apiKey(keyId: string): Fact<ApiKeyRecord | null> {
    const { lookup } = this.sources;
    const held = lookup.peek(API_KEY, keyId);
    return this.isEnough(held) ? held : this.fact(`key:${keyId}`, held, () => lookup.apiKey(keyId));
  }

  /** During a back-off of the address it is not looked up, as the admin key is not compared. */
  operatorKey(keyId: string): Fact<OperatorKeyRecord | null> {
    if (this.adminKeyCheck?.result === 'delayed') return null;
    return this.fact(`operator-key:${keyId}`, undefined, () => this.sources.operatorKeys.find(keyId));
  }

  /** The same of sessions. */
  operatorSession(sessionId: string): Fact<OperatorKeyRecord | null> {
    if (this.adminKeyCheck?.result === 'delayed') return null;
    return this.fact(`operator-session:${sessionId}`, undefined, () => this.sources.operatorSessions.find(sessionId));
  }

  isSecretOf(secret: string, key: ApiKeyRecord | OperatorKeyRecord): boolean {
    return this.sources.secrets.verify(secret, key);
  }

  verifiedToken(token: string): Fact<VerifiedToken> {
    return this.fact('token', undefined, () => this.sources.jwt.verify(token));
  }

  tenant(id: string): Fact<Tenant | null> {
    const { lookup } = this.sources;
    const held = lookup.peek(TENANT, id);
    return this.isEnough(held) ? held : this.fact(`tenant:${id}`, held, () => lookup.byId(id));
  }

  tenantWithSlug(slug: string): Fact<TenantRef | null> {
    const { lookup } = this.sources;
    if (!SLUG_SHAPE.test(slug)) return null;
    const held = lookup.peek(SLUG, slug);
    return this.isEnough(held) ? held : this.fact(`slug:${slug}`, held, () => lookup.bySlug(slug));
  }

  tenantWithDomain(host: string): Fact<TenantRef | null> {
    const { lookup } = this.sources;
    const held = lookup.peek(DOMAIN, host);
    return this.isEnough(held) ? held : this.fact(`domain:${host}`, held, () => lookup.byDomain(host));
  }

  rejectionOf(tenant: Tenant): Error | undefined {
    return this.sources.availability.rejectionOf(tenant);
  }

  scope(tenant: Tenant): Fact<TenantScope> {
    const { connections } = this.sources;
    const held = connections.openScope(tenant);
    if (this.isEnough(held)) return held;
    // Named by the tenant as it was read: a scope loaded for another state of it must not be used.
    return this.fact(`scope:${tenant.id}:${tenant.version}`, held, () => connections.scope(tenant));
  }

  /** Nearly always: it is in memory, and nothing was loaded for this request. Then no name is needed to look it up by. */
  private isEnough<T>(held: T | undefined): held is T {
    return held !== undefined && this.loaded === undefined;
  }

  private fact<T>(name: string, held: T | undefined, load: () => Promise<T>): Fact<T> {
    const loaded = this.loaded?.get(name);
    if (loaded) {
      if ('error' in loaded) throw loaded.error;
      return loaded.value as T;
    }
    if (held !== undefined) return held;
    this.missing = { name, load };
    return UNKNOWN;
  }
}
