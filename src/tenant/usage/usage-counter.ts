import { Inject, Injectable } from '@nestjs/common';
import type { Usage } from '../../database/statements/usage.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { addRequestTime, noRequestTimes, type RequestTimes } from './request-times.js';
import { noUsage, type UsageFigures } from './usage-figures.js';

/** A piece of work that is over. */
export interface FinishedWork {
  readonly kind: 'requests' | 'runs';
  readonly failed: boolean;
  readonly durationMs: number;
}

/** Figures by tenant id. */
export type UsageByTenant = ReadonlyMap<string, Readonly<UsageFigures>>;

/** Tenants counted between two batches, so that memory is bounded while the catalog is away. */
const MAX_TENANTS = 100_000;

/** Adds up, in memory, what tenants use. */
@Injectable()
export class UsageCounter {
  private figures = new Map<string, UsageFigures>();
  private times = noRequestTimes();
  private omitted = 0;

  constructor(
    @Inject(APP_CONFIG) private readonly config: { readonly features: Pick<AppConfig['features'], 'usage'> },
  ) {}

  get isEnabled(): boolean {
    return this.config.features.usage;
  }

  get tenants(): number {
    return this.figures.size;
  }

  record(tenantId: string, work: FinishedWork, usage: Readonly<Usage>): void {
    if (!this.config.features.usage) return;
    if (work.kind === 'requests') addRequestTime(this.times, work.durationMs);
    let figures = this.figures.get(tenantId);
    if (!figures) {
      if (this.figures.size >= MAX_TENANTS) {
        this.omitted += 1;
        return;
      }
      this.figures.set(tenantId, (figures = noUsage()));
    }
    figures[work.kind] += 1;
    if (work.failed) figures.errors += 1;
    figures.durationMs += work.durationMs;
    figures.statements += usage.statements;
    figures.waitMs += usage.waitMs;
    figures.databaseMs += usage.databaseMs;
    figures.rowsRead += usage.rowsRead;
    figures.rowsWritten += usage.rowsWritten;
  }

  /** Returns what was counted since the last call. */
  take(): UsageByTenant {
    const taken = this.figures;
    this.figures = new Map();
    return taken;
  }

  /** Returns the times of all tenants' requests since the last call. */
  takeTimes(): RequestTimes {
    const taken = this.times;
    this.times = noRequestTimes();
    return taken;
  }

  /** Returns how much work was not counted since the last call, because it was that of too many tenants. */
  takeOmitted(): number {
    const { omitted } = this;
    this.omitted = 0;
    return omitted;
  }
}
