import { Injectable } from '@nestjs/common';
import {
  type HttpRequest,
  type ResolvedTenant,
  TenantFinder,
  TenantRequiredError,
  type TenantResolver,
  UnknownMembershipError,
} from '../../index.js';
import { MembershipsService } from './memberships.service.js';
import { isSessionHeader } from './session-tokens.js';
import { SessionsService, type SignedInUser } from './sessions.service.js';

/** The tenant that a signed-in user has chosen for the request. API keys and JSON Web Tokens are identified as ever. */
@Injectable()
export class SessionResolver implements TenantResolver {
  constructor(
    private readonly sessions: SessionsService,
    private readonly memberships: MembershipsService,
    private readonly tenants: TenantFinder,
  ) {}

  handles({ headers }: HttpRequest): boolean {
    return isSessionHeader(headers.authorization);
  }

  /** @throws UnauthenticatedError, UnknownMembershipError, TenantRequiredError */
  async resolve(request: HttpRequest): Promise<ResolvedTenant> {
    const user = await this.sessions.userOf(request.headers.authorization);
    const named = await this.tenants.namedBy(request);
    // One answer for a tenant of others and for none at all: it tells no names.
    const tenant = named === undefined ? await this.onlyTenantOf(user) : named?.id;
    const membership = user.memberships.find(({ tenantId }) => tenantId === tenant);
    if (!membership) throw new UnknownMembershipError();
    return {
      tenant: membership.tenantId,
      principal: { kind: 'user', userId: user.id, email: user.email, role: membership.role },
    };
  }

  private async onlyTenantOf(user: SignedInUser): Promise<string | undefined> {
    const [only, ...others] = user.memberships.length > 1 ? await this.memberships.of(user) : [];
    if (others.length > 0) throw new TenantRequiredError();
    return only?.tenant.id ?? user.memberships[0]?.tenantId;
  }
}
