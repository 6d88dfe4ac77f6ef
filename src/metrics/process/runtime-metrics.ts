import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Histogram, Registry } from 'prom-client';
import { type EventLoopDelay, EventLoopWatch } from './event-loop-watch.js';
import type { MetricsSource } from '../series/metrics-source.js';
import { report } from '../series/reported-metric.js';

const FIGURES: readonly (keyof EventLoopDelay)[] = ['mean', 'p50', 'p90', 'p99', 'max'];

const COLLECTIONS: ReadonlyMap<number | undefined, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** How late the event loop is, how much of the time it works, and what garbage collection takes. */
@Injectable()
export class RuntimeMetrics implements MetricsSource, OnApplicationShutdown {
  private readonly eventLoop = new EventLoopWatch();
  private readonly collections: Histogram<'kind'>;
  private readonly observer = new PerformanceObserver((list) =>
    list.getEntries().forEach((entry) => this.collected(entry)),
  );
  private delay = this.eventLoop.delay();

  constructor(registry: Registry) {
    for (const figure of FIGURES) {
      report(registry, {
        name: `nodejs_eventloop_lag_${figure}_seconds`,
        help: `How late the event loop ran what was due in the last 15 to 30 s: ${figure}.`,
        type: 'gauge',
        read: () => [{ labels: {}, value: this.delay[figure] }],
      });
    }
    report(registry, {
      name: 'nodejs_eventloop_active_seconds_total',
      help: 'Time that the event loop was not idle.',
      type: 'counter',
      read: () => [{ labels: {}, value: performance.eventLoopUtilization().active / 1000 }],
    });
    this.collections = new Histogram({
      name: 'nodejs_gc_duration_seconds',
      help: 'Garbage collection by kind: major, minor, incremental or weakcb.',
      labelNames: ['kind'],
      buckets: [0.001, 0.01, 0.1, 1],
      registers: [registry],
    });
    this.observer.observe({ entryTypes: ['gc'] });
  }

  refresh(): void {
    this.delay = this.eventLoop.delay();
  }

  onApplicationShutdown(): void {
    this.eventLoop.stop();
    this.observer.disconnect();
  }

  private collected(entry: PerformanceEntry): void {
    const { detail } = entry as PerformanceEntry & { readonly detail: NodeGCPerformanceDetail };
    this.collections.observe({ kind: COLLECTIONS.get(detail.kind) ?? 'unknown' }, entry.duration / 1000);
  }
}
