import { Inject, Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { CatalogChangeFeed } from '../catalog/feed/catalog-change-feed.js';
import { registerMetric } from './series/reported-metric.js';
import { TenantCounts } from './tenant-counts.js';

/** Availability of the catalog and its change feed, and the number of tenants. */
@Injectable()
export class CatalogMetrics {
  private readonly counts: TenantCounts;

  constructor(registry: Registry, @Inject(CATALOG) catalog: DataSource, changes: CatalogChangeFeed) {
    this.counts = new TenantCounts(catalog);
    registerMetric(registry, {
      name: 'tenantry_tenants',
      help: 'Tenants by status, as last read from the catalog.',
      type: 'gauge',
      read: () => [...this.counts.counts].map(([status, value]) => ({ labels: { status }, value })),
    });
    registerMetric(registry, {
      name: 'tenantry_catalog_up',
      help: '1 when the last query of the catalog succeeded, at most 10 s ago, else 0.',
      type: 'gauge',
      read: () => [{ labels: {}, value: Number(this.counts.lastFailure === undefined) }],
    });
    registerMetric(registry, {
      name: 'tenantry_catalog_listening',
      help: "1 when connected to the catalog's change feed, else 0.",
      type: 'gauge',
      read: () => [{ labels: {}, value: Number(changes.connected) }],
    });
  }

  refresh(): Promise<void> {
    return this.counts.refresh();
  }
}
