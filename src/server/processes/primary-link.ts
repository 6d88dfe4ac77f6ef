import cluster from 'node:cluster';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import {
  type MeasuredMetric,
  SCRAPE_DEADLINE_MS,
  type WorkerReport,
  type WorkerReports,
} from '../../metrics/workers/worker-reports.js';
import { type FromPrimary, type FromWorker, type Listening, onMessage } from './messages.js';
import { PrimarySilentError } from './processes.errors.js';

const START_WITHIN_MS = 30_000;

/** A worker's connection to its primary. */
export class PrimaryLink implements WorkerReports {
  /** Called when the primary wants this worker to shut down, or has ended itself. Before the start: the process exits. */
  onStop: () => void = () => process.exit(0);
  /** Reads the metrics of this process. */
  report: () => Promise<readonly MeasuredMetric[]> = () => Promise.resolve([]);
  private collecting: Promise<readonly WorkerReport[]> | undefined;
  private onCollected: (reports: readonly WorkerReport[]) => void = () => undefined;
  private readonly started: Promise<LoadedConfig>;

  constructor() {
    this.started = new Promise((resolve) => {
      onMessage<FromPrimary>(process, (message) => this.receive(message, resolve));
    });
    this.outlivePrimary();
    this.send({ tenantry: 'ready' });
  }

  /** The configuration with which the primary starts this worker. @throws PrimarySilentError */
  async start(): Promise<LoadedConfig> {
    try {
      return await withDeadline(this.started, START_WITHIN_MS);
    } catch (error) {
      throw error instanceof DeadlineError ? new PrimarySilentError(START_WITHIN_MS) : error;
    }
  }

  listens(listening: Listening): void {
    this.send({ tenantry: 'listening', listening });
  }

  /** Callers at the same time share one round. @throws DeadlineError */
  collect(): Promise<readonly WorkerReport[]> {
    this.collecting ??= this.collectOnce().finally(() => (this.collecting = undefined));
    return this.collecting;
  }

  private collectOnce(): Promise<readonly WorkerReport[]> {
    const collected = new Promise<readonly WorkerReport[]>((resolve) => (this.onCollected = resolve));
    this.send({ tenantry: 'collect' });
    return withDeadline(collected, SCRAPE_DEADLINE_MS);
  }

  private receive(message: FromPrimary, start: (loaded: LoadedConfig) => void): void {
    switch (message.tenantry) {
      case 'start':
        return start(message.loaded);
      case 'stop':
        return this.onStop();
      case 'report':
        return void this.sendReport();
      case 'collected':
        return this.onCollected(message.reports);
    }
  }

  /** A report that fails is one that is missing: the scrape shows this worker as down. */
  private async sendReport(): Promise<void> {
    this.send({ tenantry: 'reported', metrics: await this.report() });
  }

  /** Node would exit at once when the primary has died, and cut the requests in flight. */
  private outlivePrimary(): void {
    const { worker } = cluster;
    worker?.once('disconnect', () => {
      worker.exitedAfterDisconnect = true; // asked for by Node before it exits
      this.onStop();
    });
  }

  private send(message: FromWorker): void {
    process.send?.(message, undefined, undefined, () => undefined); // without a primary, `disconnect` follows
  }
}
