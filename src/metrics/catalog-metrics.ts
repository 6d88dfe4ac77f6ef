import { Inject, Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { CatalogChangeFeed } from '../catalog/catalog-change-feed.js';
import { report } from './series/reported-metric.js';
import { TenantCounts } from './tenant-counts.js';

/** Whether the catalog can be asked and is heard, and what it says of tenants. */
@Injectable()
export class CatalogMetrics {
  private readonly counts: TenantCounts;

  constructor(registry: Registry, @Inject(CATALOG) catalog: DataSource, changes: CatalogChangeFeed) {
    this.counts = new TenantCounts(catalog);
    report(registry, {
      name: 'tenantry_tenants',
      help: 'Tenants by status, as the catalog last said.',
      type: 'gauge',
      read: () => [...this.counts.counts].map(([status, value]) => ({ labels: { status }, value })),
    });
    report(registry, {
      name: 'tenantry_catalog_up',
      help: 'Whether the catalog answered when it was last asked for this page, at most 10 s ago.',
      type: 'gauge',
      read: () => [{ labels: {}, value: Number(this.counts.lastFailure === undefined) }],
    });
    report(registry, {
      name: 'tenantry_catalog_listening',
      help: "Whether this process hears the catalog's notifications.",
      type: 'gauge',
      read: () => [{ labels: {}, value: Number(changes.connected) }],
    });
  }

  refresh(): Promise<void> {
    return this.counts.refresh();
  }
}
