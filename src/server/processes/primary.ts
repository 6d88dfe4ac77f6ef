import cluster from 'node:cluster';
import { Logger } from '@nestjs/common';
import { createLog } from '../../logging/log.js';
import { NestLog } from '../../logging/nest-log.js';
import type { WorkerReport } from '../../metrics/workers/worker-reports.js';
import { forWorker, withDatabaseUrl } from '../../platform/config/app-config.js';
import { featureFlagsOf, featureFlagTable } from '../../platform/config/feature-flags.js';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import { onStopSignal } from '../../platform/shutdown/stop-signals.js';
import type { EmbeddedPostgres } from '../../dev/embedded-postgres/embedded-postgres.js';
import { startEmbedded } from '../start-embedded.js';
import { fail } from './fail.js';
import { printBanner } from './print-banner.js';
import { NestedWorkersError, WorkerStartError } from './processes.errors.js';
import { WorkerSlot } from './worker-slot.js';

const logger = new Logger('Tenantry');

/** Workers that have not ended by their own deadline are killed this long after it. */
const KILL_AFTER_MS = 500;
/**
 * A replacement waits at least this long for PostgreSQL: while that is away, the other workers serve what they can, and no
 * end of a replacement may end them.
 */
const REPLACEMENT_WAIT_MS = 60_000;

/**
 * The process that owns what an instance with workers has once: its embedded PostgreSQL, its port, its start and its end. It
 * serves nothing itself.
 */
export class Primary {
  private readonly slots: readonly WorkerSlot[];
  private postgresStart: Promise<EmbeddedPostgres | undefined> | undefined;
  private postgres: EmbeddedPostgres | undefined;
  private ending: Promise<never> | undefined;
  private collecting: Promise<readonly WorkerReport[]> | undefined;

  private constructor(private readonly loaded: LoadedConfig) {
    const events = {
      configOf: (slot: WorkerSlot) => this.configOf(slot),
      onCollect: () => this.collect(),
      onGivenUp: (error: unknown) => void this.stop(1, error),
    };
    this.slots = Array.from({ length: loaded.config.workers }, (_, index) => new WorkerSlot(index + 1, events));
  }

  /**
   * Starts an instance's workers, and replaces those that end, until a signal. The process then exits with 0 if all workers
   * have shut down in order.
   *
   * @throws NestedWorkersError
   */
  static async run(loaded: LoadedConfig): Promise<void> {
    if (!cluster.isPrimary) throw new NestedWorkersError();
    Logger.overrideLogger(new NestLog(createLog(loaded.config)));
    logger.log(featureFlagTable(featureFlagsOf(loaded.config, loaded.sources)));
    const primary = new Primary(loaded);
    primary.stopOnSignalOrException();
    try {
      await primary.start();
    } catch (error) {
      // A worker that ended by itself has printed why; that stays the last line.
      await primary.stop(1, error instanceof WorkerStartError && error.hasReported ? undefined : error);
    }
  }

  /** The first worker alone does what is done once, such as demo tenants; the others start when it listens. */
  private async start(): Promise<void> {
    this.postgresStart = startEmbedded(this.loaded.config);
    this.postgres = await this.postgresStart;
    if (this.ending) return;
    void this.postgres?.exited.then(() => this.stop(1, new Error('embedded PostgreSQL exited unexpectedly')));
    // Workers accept connections themselves. Handed over by the primary, a connection would be left open for ever where its
    // worker dies before it has taken it, and one that is frozen would get as many as the others.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ serialization: 'advanced' }); // keys of the configuration are buffers
    const [first, ...others] = this.slots;
    const listening = await (first as WorkerSlot).start();
    if (this.ending) return;
    await Promise.all(others.map((slot) => slot.start()));
    if (this.ending) return;
    logger.log(`Listening on ${listening.url}`);
    printBanner(this.loaded, listening);
  }

  private configOf({ number, isReplacement }: WorkerSlot): LoadedConfig {
    const { config: configured, sources } = this.loaded;
    const { workers: count, startupWaitMs } = configured;
    const worker = { number, count, isFirst: number === 1 && !isReplacement };
    const config = this.postgres ? withDatabaseUrl(configured, this.postgres.url) : configured;
    const waitMs = isReplacement ? Math.max(startupWaitMs, REPLACEMENT_WAIT_MS) : startupWaitMs;
    return { config: forWorker({ ...config, startupWaitMs: waitMs }, worker), sources };
  }

  /** Workers that are asked at the same time share one round. */
  private collect(): Promise<readonly WorkerReport[]> {
    const round = (): Promise<readonly WorkerReport[]> => Promise.all(this.slots.map((slot) => slot.report()));
    this.collecting ??= round().finally(() => (this.collecting = undefined));
    return this.collecting;
  }

  private stopOnSignalOrException(): void {
    process.once('exit', () => this.kill()); // a second signal and the deadline exit at once
    onStopSignal((signal) => {
      logger.log(`Received ${signal}, shutting down`);
      void this.stop(0);
    }, 1);
    process.on('uncaughtException', (error: unknown) => {
      if (this.ending) return; // where the log's pipe is closed, another line would be the next exception
      logger.fatal('Uncaught exception, shutting down', error instanceof Error ? error.stack : String(error));
      void this.stop(1);
    });
  }

  /** Ends the workers in order, then PostgreSQL, then this process. Only the first call counts. */
  private stop(exitCode: number, error?: unknown): Promise<never> {
    this.ending ??= this.end(exitCode, error);
    return this.ending;
  }

  private async end(exitCode: number, error: unknown): Promise<never> {
    const { shutdownTimeoutMs } = this.loaded.config;
    const late = new Error(`did not shut down within ${shutdownTimeoutMs} ms, exiting`);
    setTimeout(() => fail(late), shutdownTimeoutMs + KILL_AFTER_MS).unref(); // which kills the workers
    const areClean = await Promise.all(this.slots.map((slot) => slot.stop()));
    const postgres = await this.postgresStart?.catch(() => undefined); // `start` throws the same
    await postgres?.stop();
    if (error !== undefined) fail(error);
    process.exit(areClean.every(Boolean) ? exitCode : 1);
  }

  private kill(): void {
    for (const slot of this.slots) slot.kill();
  }
}
