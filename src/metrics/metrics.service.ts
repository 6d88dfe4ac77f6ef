import { Inject, Injectable, Optional } from '@nestjs/common';
import { Registry } from 'prom-client';
import { CacheMetrics } from './cache-metrics.js';
import { BackupMetrics } from './backup-metrics.js';
import { CatalogMetrics } from './catalog-metrics.js';
import { PoolMetrics } from './pools/pool-metrics.js';
import { ProcessMetrics } from './process/process-metrics.js';
import { RuntimeMetrics } from './process/runtime-metrics.js';
import { type MeasuredMetric, renderReports, WORKER_REPORTS, type WorkerReports } from './workers/worker-reports.js';

/** Renders all metrics. */
@Injectable()
export class MetricsService {
  constructor(
    private readonly registry: Registry,
    private readonly catalog: CatalogMetrics,
    private readonly backups: BackupMetrics,
    private readonly process: ProcessMetrics,
    private readonly pools: PoolMetrics,
    private readonly cache: CacheMetrics,
    private readonly runtime: RuntimeMetrics,
    @Optional() @Inject(WORKER_REPORTS) private readonly workers?: WorkerReports,
  ) {}

  /**
   * Returns all metrics of the instance in Prometheus' text format, within about a second even when the catalog does not
   * respond. Where the instance has workers, each of them is asked, and the series have the label `worker`.
   */
  async scrape(): Promise<string> {
    if (this.workers) return renderReports(await this.workers.collect());
    await this.refresh();
    return this.registry.metrics();
  }

  /** Returns the metrics of this process. */
  async report(): Promise<readonly MeasuredMetric[]> {
    await this.refresh();
    // Typed without the values and with numbers for types, which are texts.
    return (await this.registry.getMetricsAsJSON()) as unknown as MeasuredMetric[];
  }

  private async refresh(): Promise<void> {
    await Promise.all([this.catalog.refresh(), this.backups.refresh(), this.process.refresh()]);
    for (const source of [this.pools, this.cache, this.runtime]) source.refresh();
  }
}
