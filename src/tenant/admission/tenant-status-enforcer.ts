import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { CatalogEvent } from '../../catalog/catalog-event.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import type { Refusal } from './tenant-gate.js';
import { ServedTenants } from './tenant-availability.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { TenantGoneError } from './tenant.errors.js';

/**
 * Sees to it that a tenant which is not served any more runs nothing, wherever its work has got to: what the catalog says
 * of a tenant opens and closes its way to connections.
 */
@Injectable()
export class Gatekeeper implements OnModuleInit {
  constructor(
    private readonly pools: ConnectionPools,
    private readonly lookup: TenantLookup,
    private readonly served: ServedTenants,
  ) {}

  onModuleInit(): void {
    this.pools.gates.appoint((tenantId) => this.judge(tenantId));
    this.lookup.subscribe((event) => this.hear(event));
  }

  private async judge(tenantId: string): Promise<Refusal | undefined> {
    const tenant = await this.lookup.byId(tenantId);
    const refuse = (): Error | undefined => (tenant ? this.served.refusalOf(tenant) : new TenantGoneError());
    return refuse() && (refuse as Refusal); // it makes an error of its own for each who is refused
  }

  private hear(event: CatalogEvent): void {
    switch (event.kind) {
      case 'change':
        return event.tenantId === undefined ? undefined : this.pools.gates.doubt(event.tenantId);
      case 'listening':
        return this.pools.gates.doubtAll();
      case 'lost':
        return this.pools.gates.deaf();
    }
  }
}
