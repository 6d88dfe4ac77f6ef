import { hash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { parseApiKey, verifySecret } from '../../catalog/model/api-key.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { TenantAvailability } from '../admission/tenant-availability.js';
import { TenantConnectionService } from '../context/tenant-connection.service.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { TenantMismatchError } from './identification.errors.js';
import { UnauthenticatedError } from './identification.errors.js';
import type { Caller } from './caller.js';
import { JwtVerifier } from './jwt-verifier.js';
import { KnownCallers } from './known-callers.js';
import { names, subdomain, type TenantSelectors } from './selectors.js';

const BEARER = /^Bearer +([\x21-\x7e]{1,8192})$/i;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ANONYMOUS: Caller = { kind: 'anonymous' };
const ADMIN: Caller = { kind: 'admin' };

/**
 * Tells who a request comes from. The credential is verified first; host, path and header only select, and a request
 * in which they disagree with the credential is refused.
 */
@Injectable()
export class IdentificationService {
  private readonly adminKeyHash: Buffer;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly lookup: TenantLookup,
    private readonly jwt: JwtVerifier,
    private readonly connections: TenantConnectionService,
    private readonly served: TenantAvailability,
    private readonly known: KnownCallers,
  ) {
    this.adminKeyHash = sha256(config.security.adminApiKey);
  }

  /**
   * Never rejects: what is wrong with the credential is part of the answer. A promise only where somebody has to be
   * asked, or refused.
   */
  identify(authorization: string | undefined, selectors: TenantSelectors): Caller | Promise<Caller> {
    if (authorization === undefined) return ANONYMOUS;
    const token = BEARER.exec(authorization)?.[1];
    const known = token === undefined ? undefined : this.known.recall(token, selectors);
    return known ?? this.lookUp(token, selectors);
  }

  private async lookUp(token: string | undefined, selectors: TenantSelectors): Promise<Caller> {
    try {
      if (token === undefined) throw new UnauthenticatedError('not a bearer credential');
      if (this.isAdminKey(token)) return ADMIN;
      const tenant = await this.tenantOfCredential(token);
      await this.assertAgreement(tenant, selectors);
      return await this.tenantCaller(tenant);
    } catch (refusal) {
      return { kind: 'refused', refusal };
    }
  }

  private async tenantCaller(tenant: Tenant): Promise<Caller> {
    try {
      this.served.assertServed(tenant);
      return { kind: 'tenant', tenant, scope: await this.connections.scope(tenant), refusal: undefined };
    } catch (refusal) {
      return { kind: 'tenant', tenant, scope: undefined, refusal };
    }
  }

  private async tenantOfCredential(token: string): Promise<Tenant> {
    const tenant = token.startsWith('tnt_') ? await this.tenantOfApiKey(token) : await this.tenantOfJwt(token);
    if (!tenant) throw new UnauthenticatedError('the credential belongs to no tenant');
    return tenant;
  }

  private async tenantOfApiKey(token: string): Promise<Tenant | null> {
    const parsed = parseApiKey(token);
    const record = parsed && (await this.lookup.apiKey(parsed.keyId));
    if (!record || !verifySecret(parsed.secret, record.secretHash)) throw new UnauthenticatedError('unknown API key');
    if (record.isRevoked) throw new UnauthenticatedError('revoked API key');
    if (record.expiresAt !== null && record.expiresAt <= Date.now()) throw new UnauthenticatedError('expired API key');
    return this.lookup.byId(record.tenantId);
  }

  private async tenantOfJwt(token: string): Promise<Tenant | null> {
    const claim = await this.jwt.tenantOf(token);
    return UUID.test(claim) ? this.lookup.byId(claim.toLowerCase()) : this.lookup.bySlug(claim);
  }

  private async assertAgreement(tenant: Tenant, { header, path, host }: TenantSelectors): Promise<void> {
    if (header !== undefined && !names(header, tenant)) throw new TenantMismatchError('header');
    if (path !== undefined && !names(path, tenant)) throw new TenantMismatchError('path');
    if (host === undefined || names(subdomain(host), tenant)) return;
    const owner = (await this.lookup.byDomain(host)) ?? (await this.lookup.bySlug(subdomain(host)));
    if (owner && owner.id !== tenant.id) throw new TenantMismatchError('host');
  }

  private isAdminKey(token: string): boolean {
    return timingSafeEqual(sha256(token), this.adminKeyHash);
  }
}

/** Hashing first gives both sides one length, which a constant-time comparison needs. */
function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
