import { Injectable } from '@nestjs/common';
import { isUsable, parseApiKey } from '../../catalog/model/api-key.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { API_KEY, DOMAIN, TENANT } from '../directory/cached-kinds.js';
import { TenantAvailability } from '../admission/tenant-availability.js';
import { TenantConnectionService } from '../context/tenant-connection.service.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import type { Caller } from './caller.js';
import { names, subdomain, type TenantSelectors } from './selectors.js';
import { VerifiedSecrets } from './verified-secrets.js';

/**
 * Tells the callers of nearly all requests: an API key that is good, of a tenant that is served, with all that is asked
 * for in memory. It does so without a promise, each of which costs a turn of the hooks that carry the tenant context.
 */
@Injectable()
export class KnownCallers {
  private readonly secrets = new VerifiedSecrets();

  constructor(
    private readonly lookup: TenantLookup,
    private readonly connections: TenantConnectionService,
    private readonly served: TenantAvailability,
  ) {}

  /** Undefined wherever something is missing or not in order: what that is, is for `IdentificationService` to find out. */
  recall(token: string, selectors: TenantSelectors): Caller | undefined {
    const tenant = this.tenantOf(token);
    if (!tenant || this.served.rejectionOf(tenant) || !this.agrees(tenant, selectors)) return undefined;
    const scope = this.connections.openScope(tenant);
    return scope && { kind: 'tenant', tenant, scope, refusal: undefined };
  }

  private tenantOf(token: string): Tenant | null | undefined {
    const key = parseApiKey(token);
    const record = key && this.lookup.held(API_KEY, key.keyId);
    if (!record || !this.secrets.verify(key.secret, record) || !isUsable(record)) return undefined;
    return this.lookup.held(TENANT, record.tenantId);
  }

  private agrees(tenant: Tenant, { header, path, host }: TenantSelectors): boolean {
    if (header !== undefined && !names(header, tenant)) return false;
    if (path !== undefined && !names(path, tenant)) return false;
    return host === undefined || names(subdomain(host), tenant) || this.lookup.held(DOMAIN, host)?.id === tenant.id;
  }
}
