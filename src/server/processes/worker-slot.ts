import cluster, { type Worker as ClusterWorker } from 'node:cluster';
import { Logger } from '@nestjs/common';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import { SCRAPE_DEADLINE_MS, type MeasuredMetric, type WorkerReport } from '../../metrics/workers/worker-reports.js';
import { endsWithin } from '../../platform/timeout.js';
import { type FromPrimary, type FromWorker, type Listening, onMessage } from './messages.js';
import { WorkerKeepsEndingError, WorkerStartError } from './processes.errors.js';
import { MAX_EARLY_ENDS, Restarts } from './restarts.js';
import { WORKER_VARIABLE } from './worker-variable.js';

/** So that a report reaches the worker that has asked for it before that one's own deadline. */
const REPORT_WITHIN_MS = SCRAPE_DEADLINE_MS - 500;

/** What happens in a slot that concerns the instance. */
export interface SlotEvents {
  /** The configuration of the next process. */
  readonly configOf: (slot: WorkerSlot) => LoadedConfig;
  /** The worker has been asked for the metrics of the instance. */
  readonly onCollect: () => Promise<readonly WorkerReport[]>;
  readonly onGivenUp: (error: WorkerKeepsEndingError) => void;
}

/** One of an instance's workers: a process, and after its end the one that replaces it. */
export class WorkerSlot {
  private readonly logger = new Logger('Workers');
  private readonly restarts = new Restarts();
  private process: ClusterWorker | undefined;
  private ended: Promise<boolean> = Promise.resolve(true);
  private onReported: (metrics: readonly MeasuredMetric[] | undefined) => void = () => undefined;
  private isListening = false;
  private isStopping = false;
  private nextStart: NodeJS.Timeout | undefined;
  private replaced = 0;

  /** @param number from 1 */
  constructor(
    readonly number: number,
    private readonly events: SlotEvents,
  ) {}

  /** Whether the process is not the slot's first. */
  get isReplacement(): boolean {
    return this.replaced > 0;
  }

  /**
   * Resolves once the process listens. Once it has, it is replaced whenever it ends.
   *
   * @throws WorkerStartError when it ends before
   */
  start(): Promise<Listening> {
    const startedAtMs = performance.now();
    const worker = cluster.fork({ [WORKER_VARIABLE]: String(this.number) });
    this.process = worker;
    this.isListening = false;
    return new Promise((resolve, reject) => {
      onMessage<FromWorker>(worker, (message) => this.receive(message, resolve));
      this.ended = new Promise((resolveEnded) => {
        worker.on('error', (error) => {
          if (worker.process.pid === undefined) onEnd(error.message, false);
        });
        worker.once('exit', (code: number | null, signal: string | null) => {
          onEnd(signal ?? `exit code ${code}`, code === 0, signal === null);
        });
        const onEnd = (reason: string, isClean: boolean, hasReported = false): void => {
          this.process = undefined;
          this.onReported(undefined);
          resolveEnded(isClean);
          reject(new WorkerStartError(this.number, reason, hasReported));
          if (!this.isStopping && (this.isListening || this.isReplacement)) {
            this.replace(reason, performance.now() - startedAtMs);
          }
        };
      });
    });
  }

  /** Ends the process in order. @returns whether it has exited with code 0 */
  stop(): Promise<boolean> {
    this.isStopping = true;
    clearTimeout(this.nextStart);
    this.send({ tenantry: 'stop' });
    return this.ended;
  }

  /** Ends the process at once. */
  kill(): void {
    this.isStopping = true;
    this.process?.process.kill('SIGKILL');
  }

  /** Asks the process for its metrics. */
  async report(): Promise<WorkerReport> {
    const { number: worker, replaced: restarts } = this;
    if (!this.isListening || !this.process) return { worker, restarts, metrics: undefined };
    let metrics: readonly MeasuredMetric[] | undefined;
    const answered = new Promise<void>((resolve) => {
      this.onReported = (reported) => {
        metrics = reported;
        resolve();
      };
    });
    this.send({ tenantry: 'report' });
    await endsWithin(answered, REPORT_WITHIN_MS);
    return { worker, restarts, metrics };
  }

  private receive(message: FromWorker, resolve: (listening: Listening) => void): void {
    switch (message.tenantry) {
      case 'ready':
        return this.send(
          this.isStopping ? { tenantry: 'stop' } : { tenantry: 'start', loaded: this.events.configOf(this) },
        );
      case 'listening':
        this.isListening = true;
        if (this.isReplacement)
          this.logger.log(`Worker ${this.number} listens again (process ${this.process?.process.pid})`);
        return resolve(message.listening);
      case 'collect':
        return void this.answerCollect();
      case 'reported':
        return this.onReported(message.metrics);
    }
  }

  private async answerCollect(): Promise<void> {
    this.send({ tenantry: 'collected', reports: await this.events.onCollect() });
  }

  private replace(reason: string, livedMs: number): void {
    this.isListening = false;
    const delayMs = this.restarts.delayAfter(livedMs);
    if (delayMs === undefined) {
      return this.events.onGivenUp(new WorkerKeepsEndingError(this.number, MAX_EARLY_ENDS, reason));
    }
    this.logger.error(`Worker ${this.number} has ended with ${reason}; another one starts in ${delayMs / 1000} s`);
    this.nextStart = setTimeout(() => {
      this.replaced += 1;
      this.start().catch(() => undefined); // `onEnd` replaces it again
    }, delayMs);
  }

  private send(message: FromPrimary): void {
    const worker = this.process;
    // A process that is ending receives nothing any more: its exit follows.
    if (worker?.isConnected()) worker.process.send(message, undefined, undefined, () => undefined);
  }
}
