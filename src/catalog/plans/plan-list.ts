import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { endsWithin } from '../../platform/timeout.js';
import { CATALOG } from '../catalog-data-source.js';
import { type CatalogEvent, CatalogEvents } from '../feed/catalog-events.js';
import { type Plan, type PlanRow, toPlan } from '../model/plan.js';

const READ = 'SELECT name, settings, features, limits, version FROM tenant_plans ORDER BY name';

/** How long after the announcement, or the start of a read that hangs, callers wait for plans; then the last known ones hold. */
const WAIT_MS = 2_000;
/** While changes may be missed, plans that were read longer ago are read again when one is asked for. */
const MAX_AGE_MS = 1_000;
const RETRY_MS = 1_000;

/**
 * All plans, in memory: they are few, and a change of one costs each instance one query, however many tenants are on it.
 * Until that is answered, callers wait: what an instance was notified of, it does not serve without.
 */
@Injectable()
export class PlanList implements OnModuleInit {
  private readonly logger = new Logger(PlanList.name);
  private plans: ReadonlyMap<string, Plan> = new Map();
  /** `unconfirmed`: the last read failed, and is repeated while callers go on with what is known. */
  private state: 'stale' | 'current' | 'unconfirmed' = 'stale';
  /** In ms of the process's clock: until when callers wait, when the current query began, and when the last successful one did. */
  private waitUntilMs = Infinity;
  private queriedAtMs = 0;
  private readAtMs = 0;
  private isFeedLost = false;
  /** Names that were not found, and are not looked for again until a change is announced. */
  private readonly missing = new Set<string>();
  /** Whether a change was announced since the last read began. */
  private isOvertaken = false;
  /** Of the last read; undefined when it has succeeded. */
  private failure: unknown;
  private reading: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    @Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>,
    events: CatalogEvents,
    shutdown: Shutdown = new Shutdown(),
  ) {
    events.subscribe('plans', (event) => this.onEvent(event));
    shutdown.add('stop the change feed', () => this.stop());
  }

  /** Without them, tenants would be served as if they had no plan. @throws the error of the query */
  async onModuleInit(): Promise<void> {
    this.refresh();
    await this.reading;
    if (this.failure !== undefined) throw this.failure;
  }

  /** Whether every announced change has been read, or cannot be read. */
  get isCurrent(): boolean {
    if (this.state === 'stale') return performance.now() >= this.waitUntilMs;
    return !this.isOutdated;
  }

  private get isOutdated(): boolean {
    return this.isFeedLost && this.state === 'current' && performance.now() - this.readAtMs >= MAX_AGE_MS;
  }

  /** A tenant's plan as last read; undefined when it has none. */
  find(name: string | undefined): Plan | undefined {
    return name === undefined ? undefined : this.plans.get(name);
  }

  /** A tenant's plan, with every announced change; while changes are not announced, at most a second old. Never rejects. */
  async findCurrent(name: string | undefined): Promise<Plan | undefined> {
    if (name === undefined) return undefined;
    const isUnknown = !this.plans.has(name) && !this.missing.has(name);
    if (isUnknown) this.missing.add(name);
    if (isUnknown || this.isOutdated) this.refresh();
    const leftMs = this.waitUntilMs - performance.now();
    if (!this.isCurrent && this.reading) await endsWithin(this.reading, leftMs);
    return this.plans.get(name);
  }

  private onEvent(event: CatalogEvent): void {
    if (event.kind === 'lost') this.isFeedLost = true;
    if (event.kind === 'restored') this.isFeedLost = false;
    if (event.kind === 'lost' || (event.kind === 'change' && event.plan === undefined)) return;
    this.missing.clear();
    this.refresh();
  }

  private refresh(): void {
    this.state = 'stale';
    this.waitUntilMs = (this.reading ? this.queriedAtMs : performance.now()) + WAIT_MS;
    this.read();
  }

  private read(): void {
    this.isOvertaken = true;
    this.reading ??= runWithoutContext(() => this.readUntilCurrent()).finally(() => {
      this.reading = undefined;
    });
  }

  /** Never rejects. */
  private async readUntilCurrent(): Promise<void> {
    while (this.isOvertaken && !this.isStopped) {
      this.isOvertaken = false;
      this.queriedAtMs = performance.now();
      this.waitUntilMs = this.queriedAtMs + WAIT_MS;
      try {
        this.keep(await this.catalog.query<PlanRow[]>(READ));
        this.failure = undefined;
        this.readAtMs = this.queriedAtMs;
        if (!this.isOvertaken) this.state = 'current';
      } catch (error) {
        return this.retryLater(error);
      }
    }
  }

  /** A plan that has not changed stays the same object, and what was computed from it stays valid. */
  private keep(rows: readonly PlanRow[]): void {
    const isSame = (a: Plan, b: Plan | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);
    const entries = rows.map((row) => {
      const plan = toPlan(row);
      const known = this.plans.get(row.name);
      return [row.name, known && isSame(plan, known) ? known : plan] as const;
    });
    this.plans = new Map(entries);
  }

  private retryLater(error: unknown): void {
    if (this.isStopped) return;
    if (this.failure === undefined) this.logger.warn(`Cannot read the plans of tenants: ${reasonOf(error)}`);
    this.failure = error;
    this.state = 'unconfirmed';
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.read(), RETRY_MS).unref();
  }

  private stop(): void {
    this.isStopped = true;
    clearTimeout(this.retry);
  }
}
