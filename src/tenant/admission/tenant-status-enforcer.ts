import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { CatalogEvent } from '../../catalog/feed/catalog-event.js';
import type { Rejection } from '../../database/pool/connection-pool.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { TenantAdmission } from './tenant-admission.js';
import { TenantAvailability } from './tenant-availability.js';
import { TenantGoneError } from './admission.errors.js';

/** Makes a tenant's status decide over its connections: stops all work of a tenant that is no longer served. */
@Injectable()
export class TenantStatusEnforcer implements OnModuleInit {
  private readonly admission: TenantAdmission;

  constructor(
    private readonly pools: ConnectionPools,
    private readonly lookup: TenantLookup,
    private readonly availability: TenantAvailability,
  ) {
    this.admission = new TenantAdmission((tenantId) => this.statusOf(tenantId), pools);
  }

  onModuleInit(): void {
    this.pools.admission = this.admission;
    this.lookup.subscribe((event) => this.onChange(event));
  }

  private async statusOf(tenantId: string): Promise<Rejection | undefined> {
    const tenant = await this.lookup.byId(tenantId);
    const reject = (): Error | undefined => (tenant ? this.availability.rejectionOf(tenant) : new TenantGoneError());
    return reject() && (reject as Rejection); // a new error for each rejected caller
  }

  private onChange(event: CatalogEvent): void {
    switch (event.kind) {
      case 'change':
        return event.tenantId === undefined ? undefined : this.admission.markStale(event.tenantId);
      case 'unknown-change':
        return this.admission.markAllStale();
      case 'restored':
        return this.admission.feedRestored();
      case 'lost':
        return this.admission.feedLost();
    }
  }
}
