import { Registry } from 'prom-client';
import { registerMetric, type Sample } from '../series/reported-metric.js';

/** What one worker has measured. */
export interface MeasuredMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly Sample[];
}

/** The answer of one worker to a scrape. */
export interface WorkerReport {
  /** The worker's number, from 1. */
  readonly worker: number;
  /** How often a worker of this number was replaced since the start of the instance. */
  readonly restarts: number;
  /** Undefined when it did not answer in time, or is being replaced. */
  readonly metrics: readonly MeasuredMetric[] | undefined;
}

/** Collects the metrics of all workers of an instance. */
export interface WorkerReports {
  /** One report per worker, also of those that do not answer, within `SCRAPE_DEADLINE_MS`. */
  collect(): Promise<readonly WorkerReport[]>;
}

/** Injection token of the instance's `WorkerReports`; not provided where the process is the whole instance. */
export const WORKER_REPORTS = Symbol.for('tenantry/worker-reports');

/** For the answer of all workers: more than the second that the catalog may take, less than scrapers usually wait. */
export const SCRAPE_DEADLINE_MS = 3_000;

/**
 * All workers' metrics in Prometheus' text format, each series with the label `worker`. They are not added up: a sum would
 * fall when a worker is replaced or one of its series ends, which `rate()` would read as a restart of all of them.
 */
export function renderReports(reports: readonly WorkerReport[]): Promise<string> {
  const registry = new Registry();
  registerMetric(registry, {
    name: 'tenantry_worker_up',
    help: '1 for a worker that has answered this scrape, else 0.',
    type: 'gauge',
    read: () => reports.map(({ worker, metrics }) => ({ labels: labelOf(worker), value: metrics ? 1 : 0 })),
  });
  registerMetric(registry, {
    name: 'tenantry_worker_restarts_total',
    help: 'Workers that were replaced because they had ended.',
    type: 'counter',
    read: () => reports.map(({ worker, restarts }) => ({ labels: labelOf(worker), value: restarts })),
  });
  for (const [name, { help, type, samples }] of byName(reports)) {
    registerMetric(registry, { name, help, type, read: () => samples });
  }
  return registry.metrics();
}

interface CollectedMetric extends Pick<MeasuredMetric, 'help' | 'type'> {
  readonly samples: Sample[];
}

function byName(reports: readonly WorkerReport[]): Map<string, CollectedMetric> {
  const collected = new Map<string, CollectedMetric>();
  for (const { worker, metrics = [] } of reports) {
    for (const { name, help, type, values } of metrics) {
      const metric = collected.get(name) ?? { help, type, samples: [] };
      for (const sample of values) metric.samples.push({ ...sample, labels: { ...sample.labels, ...labelOf(worker) } });
      collected.set(name, metric);
    }
  }
  return collected;
}

function labelOf(worker: number): Record<string, string> {
  return { worker: String(worker) };
}
