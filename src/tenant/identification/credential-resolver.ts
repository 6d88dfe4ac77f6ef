import { Injectable } from '@nestjs/common';
import { clientAddress } from '../../http/requests/client-address.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { Authenticator } from './authenticator.js';
import type { CredentialPrincipal } from './principal.js';
import type { ResolvedTenant, TenantResolver } from './tenant-resolver.js';

/** A resolver checks selectors afterwards, on its result. */
const NO_SELECTORS = { host: undefined, subdomain: undefined, header: undefined, path: undefined };

/**
 * What identifies tenants without a resolver of the application: API keys and, as configured, JSON Web Tokens. A resolver may
 * inject it, to accept them in addition to the application's own sign-in.
 */
@Injectable()
export class CredentialResolver implements TenantResolver {
  /** @internal */
  constructor(private readonly authenticator: Authenticator) {}

  /**
   * @returns nothing without a credential
   * @throws UnauthenticatedError for a bearer credential that is no tenant's
   */
  async resolve(
    request: Pick<HttpRequest, 'headers' | 'ip'> & { readonly socket?: HttpRequest['socket'] },
  ): Promise<(ResolvedTenant & { readonly principal: CredentialPrincipal }) | undefined> {
    const origin = { address: clientAddress(request), requestId: '' };
    const caller = await this.authenticator.identifyTenant(request.headers.authorization, NO_SELECTORS, origin);
    if (caller.kind === 'refused') throw caller.rejection;
    if (caller.kind !== 'tenant') return undefined;
    return { tenant: caller.tenant.id, principal: caller.principal as CredentialPrincipal };
  }
}
