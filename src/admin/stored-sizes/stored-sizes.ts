import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { SizeMeasurement } from './size-measurement.js';
import { RoundLostError, SizeRound } from './size-round.js';
import { MeasurementTimeoutError } from './stored-size.errors.js';
import type { StoredSizeView } from './stored-size.schemas.js';
import { type Place, StoredSizeRecords } from './stored-size-records.js';

/** How often an instance looks for a round that is due, and for tenants that are to be measured at once. */
const ROUND_CHECK_MS = 5_000;
const WANTED_CHECK_MS = 2_000;
const PLACES_PER_PAGE = 100;
/** How long measuring one tenant at once may take. */
const TENANT_MS = 30_000;
const QUERY_CANCELED = '57014';

/**
 * Measures what tenants have stored: all of them in rounds, `STORAGE_MEASURE_MINUTES` apart, by one instance at a time; single ones
 * as soon as that is wanted.
 */
@Injectable()
export class StoredSizes {
  private readonly logger = new Logger('StoredSizes');
  private readonly stopped = new AbortController();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private isStarted = false;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(APP_CONFIG) private readonly config: Pick<AppConfig, 'usage'>,
    private readonly records: StoredSizeRecords,
    private readonly measurement: SizeMeasurement,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('pause operations', () => this.stop());
  }

  /** From now on until shutdown, unless `STORAGE_MEASURE_MINUTES` is 0. */
  start(): void {
    if (this.config.usage.measureMinutes === 0 || this.isStarted) return;
    this.isStarted = true;
    this.repeat('round of measurements', ROUND_CHECK_MS, () => this.runRound());
    this.repeat('wanted measurements', WANTED_CHECK_MS, () => this.measureWanted());
  }

  /** Measures a tenant now. @throws NotFoundError, MeasurementTimeoutError, TargetUnavailableError */
  async measure(slugOrId: string): Promise<StoredSizeView> {
    const tenant = await this.records.placed(slugOrId);
    const timeout = AbortSignal.timeout(TENANT_MS);
    const startedAt = performance.now();
    try {
      const measured = await this.measurement.ofTenant(tenant, AbortSignal.any([timeout, this.stopped.signal]));
      await this.records.write(tenant, measured, { id: tenant.id, tookMs: performance.now() - startedAt });
    } catch (error) {
      if (!timeout.aborted && failureOf(error).code !== QUERY_CANCELED) throw error;
      throw new MeasurementTimeoutError(TENANT_MS, error);
    }
    return this.records.read(tenant.id);
  }

  /** Goes on with the round that is due, if no other instance does. */
  async runRound(): Promise<void> {
    const round = await SizeRound.take(this.catalog);
    if (!round) return;
    try {
      await this.measurePlaces(round);
      await round.finish(this.config.usage.measureMinutes);
    } catch (error) {
      if (error instanceof RoundLostError) return;
      await round.pause();
      if (!this.stopped.signal.aborted) throw error;
    }
  }

  private async measurePlaces(round: SizeRound): Promise<void> {
    const unreachable = new Set<string>();
    for (let { after } = round; ;) {
      const places = await this.records.places(after, PLACES_PER_PAGE);
      for (const place of places) {
        this.stopped.signal.throwIfAborted();
        if (!unreachable.has(place.targetId) && !(await this.measurePlace(place, round)))
          unreachable.add(place.targetId);
        await round.keep(place);
      }
      after = places.at(-1);
      if (places.length < PLACES_PER_PAGE) return;
    }
  }

  /** @returns false where its database cannot be reached: the other schemas there are left out of this round */
  private async measurePlace(place: Place, round: SizeRound): Promise<boolean> {
    try {
      const options = { signal: this.stopped.signal, keep: () => round.keep() };
      await this.records.write(place, await this.measurement.ofPlace(place, options));
      return true;
    } catch (error) {
      this.stopped.signal.throwIfAborted();
      if (error instanceof RoundLostError) throw error;
      const isUnreachable = failureOf(error).code === 'TENANT_UNAVAILABLE';
      const where = isUnreachable ? `target ${place.targetId}` : `schema ${place.schema} of target ${place.targetId}`;
      this.logger.warn(`What tenants have stored in ${where} was not measured: ${reasonOf(error)}`);
      return !isUnreachable;
    }
  }

  /** One after another. */
  private async measureWanted(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      const id = await this.records.takeWanted();
      if (id === undefined) return;
      await this.measure(id).catch((error: unknown) => {
        this.logger.warn(`What the tenant ${id} has stored was not measured: ${reasonOf(error)}`);
      });
    }
  }

  private repeat(what: string, everyMs: number, work: () => Promise<void>): void {
    let isFailing = false;
    const run = async (): Promise<void> => {
      try {
        await work();
        isFailing = false;
      } catch (error) {
        if (!isFailing && !this.stopped.signal.aborted)
          this.logger.warn(`Cannot go on with the ${what}: ${reasonOf(error)}`);
        isFailing = true;
      }
      schedule();
    };
    const schedule = (): void => {
      if (this.stopped.signal.aborted) return;
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        const running = run().finally(() => this.running.delete(running));
        this.running.add(running);
      }, everyMs).unref();
      this.timers.add(timer);
    };
    schedule();
  }

  /** Resolves when the round is left to another instance. */
  private async stop(): Promise<void> {
    this.stopped.abort();
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.running);
  }
}
