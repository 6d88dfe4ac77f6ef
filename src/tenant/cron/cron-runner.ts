import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { TenantConnectionService } from '../context/tenant-connection.service.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { CronExecution } from './cron-execution.js';
import { type CronJob, CronJobs } from './cron-jobs.js';
import { CronRecords, type CronState, type HeldRun } from './cron-records.js';

/** The longest time between two looks at the catalog. */
const LONGEST_WAIT_MS = 5_000;
const RETRY_MS = 1_000;
/** A run whose holder shows no sign of life for so long, while the catalog answers, is taken over. */
const TAKEOVER_MS = 15_000;

interface Observation {
  readonly holder: string | null;
  readonly beats: number;
  readonly sinceMs: number;
}

/**
 * Runs the methods under `@TenantCron` when they are due by the catalog's clock. Each instance that has them looks; the first
 * one to write takes the time. Durations alone are measured here, so that no rule compares the clocks of two machines.
 */
@Injectable()
export class CronRunner implements OnApplicationBootstrap {
  private readonly logger = new Logger('TenantCron');
  private jobs: readonly CronJob[] = [];
  private readonly executions = new Map<CronExecution, Promise<void>>();
  /** Runs that this instance holds and works on. A run that it holds and does not work on is taken over as any other. */
  private readonly inWork = new Set<string>();
  /** The last sign of life of other instances' runs. */
  private readonly observed = new Map<string, Observation>();
  private polling: Promise<void> | undefined;
  private wakeUp: (() => void) | undefined;
  private isPaused = false;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly found: CronJobs,
    private readonly records: CronRecords,
    private readonly connections: TenantConnectionService,
    private readonly lookup: TenantLookup,
    private readonly shutdown: Shutdown,
  ) {
    shutdown.add('finish requests', (graceMs) => this.finish(graceMs));
  }

  /** @throws InvalidCronError */
  onApplicationBootstrap(): void {
    this.jobs = this.found.all();
    if (this.jobs.length === 0 || !this.config.features.tenantCron) return;
    this.polling = runWithoutContext(() => this.poll());
  }

  private get isStopping(): boolean {
    return this.isPaused || this.shutdown.hasBegun;
  }

  private async poll(): Promise<void> {
    while (!this.isStopping) {
      const waitMs = await this.look().catch((error: unknown) => {
        this.logger.debug(`Cannot look for due times: ${reasonOf(error)}`); // readiness reports the catalog
        this.observed.clear(); // no instance could show a sign of life meanwhile
        return RETRY_MS;
      });
      await this.wait(waitMs);
    }
  }

  /** Starts what is due. @returns how long to wait until the next look, in ms */
  private async look(): Promise<number> {
    const states = await this.records.states(this.jobs);
    let waitMs = LONGEST_WAIT_MS;
    for (const job of this.jobs) {
      const state = states.find(({ name }) => name === job.name);
      if (!state) continue;
      const held = state.run ? await this.takeOver(job, state.run) : await this.takeDue(job, state);
      if (held) this.start(job, held);
      const next = job.schedule.next(state.now);
      if (next) waitMs = Math.min(waitMs, next.getTime() - state.now.getTime());
    }
    return Math.max(waitMs, 10);
  }

  private async takeDue(job: CronJob, { now, decidedUntil }: CronState): Promise<HeldRun | undefined> {
    const latest = job.schedule.latest(now);
    if (decidedUntil === null || latest === undefined || latest <= decidedUntil) return undefined;
    const isLate = now.getTime() - latest.getTime() > job.startWithinSeconds * 1_000;
    if (!isLate || job.missed === 'once') return this.records.claim(job, latest);
    if (await this.records.miss(job, latest)) {
      this.logger.warn(`${job.name} of ${latest.toISOString()} is left out: nothing could start it in time`);
    }
    return undefined;
  }

  private async takeOver(job: CronJob, run: NonNullable<CronState['run']>): Promise<HeldRun | undefined> {
    if (run.holder === this.records.holder && this.inWork.has(run.id)) return undefined;
    const known = this.observed.get(job.name);
    const isSame = known?.holder === run.holder && known.beats === run.beats;
    const sinceMs = isSame ? known.sinceMs : performance.now();
    this.observed.set(job.name, { holder: run.holder, beats: run.beats, sinceMs });
    if (run.holder !== null && performance.now() - sinceMs < TAKEOVER_MS) return undefined;
    const held = await this.records.takeOver(run, job.retryInterrupted);
    if (held && run.holder !== null) {
      this.logger.warn(
        `${job.name} of ${held.scheduledAt.toISOString()}: taken over from an instance that does not answer`,
      );
    }
    return held;
  }

  private start(job: CronJob, run: HeldRun): void {
    const { records, lookup, connections } = this;
    const execution = new CronExecution(job, run, { records, lookup, connections, isStopping: () => this.isStopping });
    const ended = execution.execute().finally(() => {
      this.executions.delete(execution);
      this.inWork.delete(run.id);
      this.wakeUp?.(); // the next time may have come meanwhile
    });
    this.executions.set(execution, ended);
    this.inWork.add(run.id);
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.isStopping) this.wakeUp();
    });
  }

  /** Work in progress may end by itself; then its signal is aborted. */
  private async finish(graceMs: number): Promise<void> {
    this.isPaused = true;
    this.wakeUp?.();
    const timer = setTimeout(() => {
      for (const execution of this.executions.keys()) execution.abort();
    }, graceMs);
    await this.polling;
    await Promise.allSettled(this.executions.values());
    clearTimeout(timer);
  }
}
