import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { Histogram, Registry } from 'prom-client';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { type EventLoopDelay, EventLoopDelayMonitor } from './event-loop-delay-monitor.js';
import type { MetricsSource } from '../series/metrics-source.js';
import { registerMetric } from '../series/reported-metric.js';

const STATISTICS: readonly (keyof EventLoopDelay)[] = ['mean', 'p50', 'p90', 'p99', 'max'];

const GC_KINDS: ReadonlyMap<number | undefined, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** Event loop delay and utilization, and the duration of garbage collection. */
@Injectable()
export class RuntimeMetrics implements MetricsSource {
  private readonly eventLoop = new EventLoopDelayMonitor();
  private readonly gcDurations: Histogram<'kind'>;
  private readonly observer = new PerformanceObserver((list) =>
    list.getEntries().forEach((entry) => this.recordCollection(entry)),
  );
  private delay = this.eventLoop.delay();

  constructor(registry: Registry, shutdown: Shutdown = new Shutdown()) {
    shutdown.add('end traces and metrics', () => this.stop());
    for (const statistic of STATISTICS) {
      registerMetric(registry, {
        name: `nodejs_eventloop_lag_${statistic}_seconds`,
        help: `Event loop delay over the last 15 to 30 s: ${statistic}.`,
        type: 'gauge',
        read: () => [{ labels: {}, value: this.delay[statistic] }],
      });
    }
    registerMetric(registry, {
      name: 'nodejs_eventloop_active_seconds_total',
      help: 'Total time the event loop was active.',
      type: 'counter',
      read: () => [{ labels: {}, value: performance.eventLoopUtilization().active / 1000 }],
    });
    this.gcDurations = new Histogram({
      name: 'nodejs_gc_duration_seconds',
      help: 'Duration of garbage collection by kind: major, minor, incremental or weakcb.',
      labelNames: ['kind'],
      buckets: [0.001, 0.01, 0.1, 1],
      registers: [registry],
    });
    this.observer.observe({ entryTypes: ['gc'] });
  }

  refresh(): void {
    this.delay = this.eventLoop.delay();
  }

  private stop(): void {
    this.eventLoop.stop();
    this.observer.disconnect();
  }

  private recordCollection(entry: PerformanceEntry): void {
    const { detail } = entry as PerformanceEntry & { readonly detail: NodeGCPerformanceDetail };
    this.gcDurations.observe({ kind: GC_KINDS.get(detail.kind) ?? 'unknown' }, entry.duration / 1000);
  }
}
