import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { RecentUsageWindow } from './recent-usage.js';
import { type UsageBatch, UsageBatches } from './usage-batches.js';
import { UsageCounter } from './usage-counter.js';

/** How often figures are written: what a killed process loses. */
const WRITE_EVERY_MS = 5_000;
/** While the catalog is away, how long figures are added up before they become a batch. */
const LONGEST_COUNT_MS = 60_000;
/** Batches that wait for the catalog. Beyond, figures are added up until it is back. */
const MAX_WAITING = 1_000;
const RETENTION_EVERY_MS = 3_600_000;
/** Rows removed by one process per hour, so that the first time after a long pause is short as well. */
const MAX_REMOVED = 50_000;
const REMOVE = `
  DELETE FROM usage_hours WHERE (hour, tenant_id) IN (
    SELECT hour, tenant_id FROM usage_hours WHERE hour < now() - $1 * interval '1 day' ORDER BY hour, tenant_id LIMIT ${MAX_REMOVED}
    FOR UPDATE SKIP LOCKED)`;
/** A process that was frozen for longer could add its last batch twice. */
const REMOVE_WRITERS = "DELETE FROM usage_writers WHERE written_at < now() - interval '7 days'";

/**
 * Writes what tenants have used to the catalog, every few seconds. A batch whose outcome is unknown is sent again, and not
 * counted twice.
 */
@Injectable()
export class UsageWriter implements OnApplicationBootstrap {
  private readonly logger = new Logger('Usage');
  private readonly batches: UsageBatches;
  private readonly recent = new RecentUsageWindow();
  private readonly waiting: UsageBatch[] = [];
  private countedSince = performance.now();
  private cleanedAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private isBusy = false;
  private isFailing = false;

  constructor(
    @Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>,
    @Inject(APP_CONFIG) private readonly config: Pick<AppConfig, 'usage'>,
    private readonly counter: UsageCounter,
    shutdown: Shutdown,
  ) {
    this.batches = new UsageBatches(catalog);
    shutdown.add('write usage', () => this.stop());
  }

  onApplicationBootstrap(): void {
    if (!this.counter.isEnabled) return;
    this.timer = setInterval(() => {
      if (!this.isBusy) void this.write();
    }, WRITE_EVERY_MS).unref();
  }

  /** Writes what was counted so far. Never rejects: what could not be written waits for the next call. */
  write(): Promise<void> {
    this.writing = this.writing.then(() => this.writeWaiting());
    return this.writing;
  }

  private async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
    if (this.waiting.length > 0) await this.write(); // the first attempt may have met a connection that had been lost
    const lost = this.waiting.length;
    if (lost > 0) this.logger.error(`${lost} batch(es) of usage could not be written and are lost`);
  }

  private async writeWaiting(): Promise<void> {
    this.isBusy = true;
    try {
      this.cut();
      await this.sendWaiting();
      if (this.isFailing) {
        this.cut(); // what was counted meanwhile
        await this.sendWaiting();
      }
      if (this.isFailing) this.logger.log('usage is written again');
      this.isFailing = false;
      await this.removeOld();
    } catch (error) {
      if (!this.isFailing) this.logger.warn(`usage waits to be written: ${reasonOf(error)}`);
      this.isFailing = true;
    } finally {
      this.isBusy = false;
    }
  }

  private async sendWaiting(): Promise<void> {
    if (this.waiting.length === 0) return;
    // Once: there may be a thousand batches.
    const [busiest, totals] = [this.recent.busiest(), this.recent.totals()];
    while (this.waiting[0]) {
      await this.batches.write(this.waiting[0], busiest, totals);
      this.waiting.shift();
    }
  }

  /** Makes batches of what was counted. */
  private cut(): void {
    const omitted = this.counter.takeOmitted();
    if (omitted > 0) this.logger.error(`${omitted} request(s) and run(s) of too many tenants were not counted`);
    const now = performance.now();
    const mayWait = this.waiting.length < MAX_WAITING && now - this.countedSince >= LONGEST_COUNT_MS;
    if (this.counter.tenants === 0 || (this.waiting.length > 0 && !mayWait)) return;
    const counted = this.counter.take();
    this.countedSince = now;
    this.recent.add({ usage: counted, times: this.counter.takeTimes(), endedAt: now });
    this.waiting.push(...this.batches.divide(counted, now));
  }

  private async removeOld(): Promise<void> {
    const now = performance.now();
    if (now - this.cleanedAt < RETENTION_EVERY_MS) return;
    this.cleanedAt = now;
    await this.catalog.query(REMOVE, [this.config.usage.retentionDays]);
    await this.catalog.query(REMOVE_WRITERS);
  }
}
