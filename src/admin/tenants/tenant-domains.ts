import { type EntityManager, In, Not } from 'typeorm';
import { TenantDomainEntity } from '../../catalog/entities/tenant-domain.entity.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { type ConstraintErrors, withConstraintErrors } from '../../platform/postgres/constraint-errors.js';

/** What the catalog's constraints refuse when the same is created at the same time. */
export const TAKEN: ConstraintErrors = {
  tenants_slug_key: () => new ConflictError('the slug is already in use'),
  tenants_plan_fkey: () => new NotFoundError('plan'),
  tenant_domains_pkey: () => new ConflictError('a domain belongs to another tenant'),
};

/** Replaces a tenant's domains. @throws ConflictError (a domain belongs to another tenant) */
export async function setDomains(catalog: EntityManager, tenantId: string, domains: readonly string[]): Promise<void> {
  await catalog.delete(TenantDomainEntity, { tenantId, domain: Not(In(domains)) });
  const existing = await catalog.findBy(TenantDomainEntity, { tenantId });
  const added = domains.filter((domain) => !existing.some((row) => row.domain === domain));
  const rows = added.map((domain) => ({ domain, tenantId }));
  await withConstraintErrors(TAKEN, () => catalog.insert(TenantDomainEntity, rows));
}
