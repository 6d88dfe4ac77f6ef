import { Injectable } from '@nestjs/common';
import { In, type Repository } from 'typeorm';
import { InjectCentralRepository, type Tenant, TenantFinder } from '../../index.js';
import { Membership } from './membership.entity.js';
import type { SignedInUser } from './sessions.service.js';

/** A membership of a tenant that exists. */
export interface ReachableMembership {
  readonly tenant: Tenant;
  readonly role: Membership['role'];
}

@Injectable()
export class MembershipsService {
  constructor(
    @InjectCentralRepository(Membership) private readonly memberships: Repository<Membership>,
    private readonly tenants: TenantFinder,
  ) {}

  /** The user's tenants, by slug. Memberships of tenants that were deleted since are removed. */
  async of({ id: userId, memberships }: SignedInUser): Promise<ReachableMembership[]> {
    const found = await Promise.all(
      memberships.map(async ({ tenantId, role }) => ({ tenantId, role, tenant: await this.tenants.find(tenantId) })),
    );
    const gone = found.filter(({ tenant }) => tenant === null).map(({ tenantId }) => tenantId);
    if (gone.length > 0) await this.memberships.delete({ userId, tenantId: In(gone) });
    return found
      .flatMap(({ tenant, role }) => (tenant && tenant.status !== 'deleting' ? [{ tenant, role }] : []))
      .toSorted((a, b) => a.tenant.slug.localeCompare(b.tenant.slug));
  }
}
