import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { CacheMetrics } from './cache-metrics.js';
import { CatalogMetrics } from './catalog-metrics.js';
import { PoolMetrics } from './pools/pool-metrics.js';
import { ProcessMetrics } from './process/process-metrics.js';
import { RuntimeMetrics } from './process/runtime-metrics.js';

/** Renders all metrics. */
@Injectable()
export class MetricsService {
  constructor(
    private readonly registry: Registry,
    private readonly catalog: CatalogMetrics,
    private readonly process: ProcessMetrics,
    private readonly pools: PoolMetrics,
    private readonly cache: CacheMetrics,
    private readonly runtime: RuntimeMetrics,
  ) {}

  /** Returns all metrics in Prometheus' text format, within about a second even when the catalog does not respond. */
  async scrape(): Promise<string> {
    await Promise.all([this.catalog.refresh(), this.process.refresh()]);
    for (const source of [this.pools, this.cache, this.runtime]) source.refresh();
    return this.registry.metrics();
  }
}
