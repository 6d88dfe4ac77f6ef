import { ForbiddenException, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { ResolvedTenant, TenantResolver } from 'tenantry';
import type { SignedInUser } from '../auth/jwt.strategy';
import { UsersService } from './users.service';

/** The company that X-Tenant-ID selects among the user's own. A user of only one company need not select. */
@Injectable()
export class MembershipResolver implements TenantResolver {
  constructor(private readonly users: UsersService) {}

  async resolve(request: Request & { user?: SignedInUser }): Promise<ResolvedTenant | undefined> {
    if (!request.user) return undefined;
    const memberships = await this.users.membershipsOf(request.user.id);
    const selected = request.header('x-tenant-id') ?? (memberships.length === 1 ? memberships[0].company : undefined);
    const membership = memberships.find(({ company }) => company === selected);
    if (!membership) throw new ForbiddenException('X-Tenant-ID must name a company of yours');
    return { tenant: membership.company, principal: membership };
  }
}
