import { Inject, Injectable } from '@nestjs/common';
import { type EntityManager, In, Not } from 'typeorm';
import { TenantDomainEntity } from '../../catalog/entities/tenant-domain.entity.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { ConflictError, NotFoundError, ValidationFailedError } from '../../platform/errors/request.errors.js';
import { type ConstraintErrors, withConstraintErrors } from '../../platform/postgres/constraint-errors.js';

/** What the catalog's constraints refuse when the same is created at the same time. */
export const TAKEN: ConstraintErrors = {
  tenants_slug_key: () => new ConflictError('the slug is already in use'),
  tenants_plan_fkey: () => new NotFoundError('plan'),
  tenant_domains_pkey: () => new ConflictError('a domain belongs to another tenant'),
};

/** The hosts that belong to one tenant: a request over one of them for another tenant is refused. */
@Injectable()
export class TenantDomains {
  private readonly baseDomain: string | undefined;

  constructor(@Inject(APP_CONFIG) { http }: AppConfig) {
    this.baseDomain = http.tenantBaseDomain?.toLowerCase();
  }

  /**
   * Why the tenant cannot have the domain; undefined when it can. The base domain is all tenants', and each name under it is
   * another tenant's, or will be: its requests would all be refused.
   */
  problemOf(slug: string, domain: string): string | undefined {
    const { baseDomain } = this;
    if (baseDomain === undefined || (domain !== baseDomain && !domain.endsWith(`.${baseDomain}`))) return undefined;
    if (domain === `${slug}.${baseDomain}`) return undefined;
    return 'belongs to all tenants: of TENANT_BASE_DOMAIN, a tenant has only the sub-domain of its slug';
  }

  /** Replaces a tenant's domains. @throws ValidationFailedError, ConflictError (a domain belongs to another tenant) */
  async set(
    catalog: EntityManager,
    { id: tenantId, slug }: { readonly id: string; readonly slug: string },
    domains: readonly string[],
  ): Promise<void> {
    const problems = domains.flatMap((domain, index) => {
      const message = this.problemOf(slug, domain);
      return message === undefined ? [] : [{ field: `domains.${index}`, message }];
    });
    if (problems.length > 0) throw new ValidationFailedError(problems);
    await catalog.delete(TenantDomainEntity, { tenantId, domain: Not(In(domains)) });
    const existing = await catalog.findBy(TenantDomainEntity, { tenantId });
    const added = domains.filter((domain) => !existing.some((row) => row.domain === domain));
    const rows = added.map((domain) => ({ domain, tenantId }));
    await withConstraintErrors(TAKEN, () => catalog.insert(TenantDomainEntity, rows));
  }
}
