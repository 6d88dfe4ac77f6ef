import { Inject, Injectable } from '@nestjs/common';
import type { Tenant } from '../../catalog/model/tenant.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { isUuid } from '../../platform/uuid.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { selectorsOf } from './selectors.js';

/** Finds tenants by what names them, through the cache: for resolvers and memberships of the application's own users. */
@Injectable()
export class TenantFinder {
  private readonly baseDomain: string | undefined;

  /** @internal */
  constructor(
    @Inject(APP_CONFIG) { http }: AppConfig,
    private readonly lookup: TenantLookup,
  ) {
    this.baseDomain = http.tenantBaseDomain;
  }

  /**
   * The tenant, whatever its status; null when there is none, or no longer.
   *
   * @throws CatalogUnavailableError, or the error of the database, when that cannot be known
   */
  find(slugOrId: string): Promise<Tenant | null> {
    return isUuid(slugOrId) ? this.lookup.byId(slugOrId.toLowerCase()) : this.lookup.bySlug(slugOrId.toLowerCase());
  }

  /**
   * The tenant that the request names with its path, its header `X-Tenant-ID` or its host. That is a wish of the client: the
   * resolver compares it with what it has verified. If the request names two, it is refused later.
   *
   * @returns undefined when the request names none, null when there is no such tenant
   */
  async namedBy(request: HttpRequest): Promise<Tenant | null | undefined> {
    const { path, header, host, subdomain } = selectorsOf(request, this.baseDomain);
    const slugOrId = path ?? header;
    if (slugOrId !== undefined) return this.find(slugOrId);
    const owner = host === undefined ? null : await this.lookup.byDomain(host);
    if (owner) return owner;
    return subdomain === undefined ? undefined : this.find(subdomain);
  }
}
