import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { failureOf } from '../../platform/postgres/failure-of.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import type { TenantConnectionService } from '../context/tenant-connection.service.js';
import type { TenantLookup } from '../directory/tenant-lookup.js';
import { runSideBySide } from '../fleet/side-by-side.js';
import type { CronJob } from './cron-jobs.js';
import type { CronRecords, HeldRun } from './cron-records.js';

const BEAT_MS = 2_000;
/** Between attempts to record something while the catalog is away. */
const RETRY_MS = 500;

interface NextTenant {
  readonly id: string;
  readonly isRetry: boolean;
}

/** What an execution needs of the application. */
export interface CronSurroundings {
  readonly records: CronRecords;
  readonly lookup: Pick<TenantLookup, 'byId'>;
  readonly connections: Pick<TenantConnectionService, 'run'>;
  /** True once no further tenant is to be begun. */
  readonly isStopping: () => boolean;
}

/** The work of this instance on one run: tenant after tenant, until none is left, the process stops, or the run is lost. */
export class CronExecution {
  private readonly logger = new Logger('TenantCron');
  private readonly aborted = new AbortController();
  /** Why it has ended early. */
  private cut: 'stopping' | 'lost' | undefined;
  private readonly settled = new AbortController();
  private readonly begun: Set<string>;

  constructor(
    private readonly job: CronJob,
    private readonly run: HeldRun,
    private readonly surroundings: CronSurroundings,
  ) {
    this.begun = new Set(run.interrupted);
  }

  /** Never rejects. */
  async execute(): Promise<void> {
    const beating = this.beat();
    try {
      await runSideBySide(this.tenants(), this.job.concurrency, (tenant) => this.runTenant(tenant));
      if (this.cut === 'stopping') await this.surroundings.records.release(this.run);
      else if (this.cut === undefined) await this.persist(() => this.surroundings.records.end(this.run, this.job));
    } catch (error) {
      this.logger.warn(`${this.label}: left to another instance: ${reasonOf(error)}`);
    } finally {
      this.settled.abort();
      await beating;
    }
  }

  /** Aborts the signal of the work in progress. */
  abort(): void {
    this.aborted.abort();
  }

  private get label(): string {
    return `${this.job.name} of ${this.run.scheduledAt.toISOString()}`;
  }

  private async *tenants(): AsyncGenerator<NextTenant, void, undefined> {
    for (const id of this.run.interrupted) {
      if (this.isCut()) return;
      yield { id, isRetry: true };
    }
    while (!this.isCut()) {
      const next = await this.persist(() => this.surroundings.records.beginNext(this.run, this.job));
      if (next?.kind === 'lost') this.lose();
      if (next?.kind === 'none') yield* this.forgotten(next.inWork);
      if (next?.kind !== 'tenant') return;
      this.begun.add(next.tenant.id);
      yield { id: next.tenant.id, isRetry: false };
    }
  }

  /** Tenants that the catalog took as begun, in a statement whose answer has not arrived: their work has not. */
  private *forgotten(inWork: readonly string[]): Generator<NextTenant, void, undefined> {
    for (const id of inWork) if (!this.begun.has(id)) yield { id, isRetry: false };
  }

  private isCut(): boolean {
    if (this.surroundings.isStopping()) this.cut ??= 'stopping';
    return this.cut !== undefined;
  }

  private async runTenant({ id, isRetry }: NextTenant): Promise<void> {
    const outcome = await this.outcomeOf(id, isRetry);
    const isHeld = await this.persist(() => this.surroundings.records.endTenant(this.run, id, outcome));
    if (isHeld === false) this.lose();
  }

  private async outcomeOf(id: string, isRetry: boolean): Promise<'done' | 'gone' | ReturnType<typeof failureOf>> {
    const { lookup, connections } = this.surroundings;
    const { scheduledAt } = this.run;
    let slug = id;
    try {
      const tenant = await lookup.byId(id);
      if (!tenant) return 'gone';
      slug = tenant.slug;
      const run = { tenant, scheduledAt, isRetry, signal: this.aborted.signal };
      await connections.run(tenant, () => this.job.run(run));
      return 'done';
    } catch (error) {
      this.logger.warn(`${this.label} failed for ${slug}: ${(error as Error).stack ?? reasonOf(error)}`);
      return failureOf(error);
    }
  }

  private lose(): void {
    if (this.cut === 'lost') return;
    this.cut = 'lost';
    this.logger.warn(`${this.label}: another instance has taken it over, because this one did not answer`);
    this.aborted.abort();
  }

  /** Tries again while the catalog is away: what is not recorded would count as interrupted. Undefined once the run is lost. */
  private async persist<T>(write: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (this.cut === 'lost') return undefined;
        if (this.surroundings.isStopping()) throw error;
        this.logger.debug(`${this.label}: cannot write to the catalog: ${reasonOf(error)}`);
        await delay(RETRY_MS);
      }
    }
  }

  private async beat(): Promise<void> {
    while (!this.settled.signal.aborted) {
      await delay(BEAT_MS, undefined, { signal: this.settled.signal }).catch(() => undefined); // aborted: settled
      if (this.settled.signal.aborted) return;
      const isHeld = await this.surroundings.records.beat(this.run).catch(() => true); // the catalog is away for all
      if (!isHeld) this.lose();
    }
  }
}
