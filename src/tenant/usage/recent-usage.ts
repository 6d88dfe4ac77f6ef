import { addRequestTimes, noRequestTimes, type RequestTimes } from './request-times.js';
import type { UsageByTenant } from './usage-counter.js';
import { addUsage, noUsage, subtractUsage, type UsageFigures } from './usage-figures.js';

const WINDOW_MS = 60_000;
/** Tenants that are named, by the time and again by the number of their requests and runs. */
const MAX_NAMED = 100;

interface Counted {
  readonly usage: UsageByTenant;
  /** Of all tenants' requests. */
  readonly times: RequestTimes;
  readonly endedAt: number;
}

/** What one tenant has used on one instance in the last minute. */
export type RecentUsage = UsageFigures & { readonly tenantId: string };

/** What all tenants together have used on one instance in the last minute. */
export type RecentTotals = UsageFigures & { readonly times: RequestTimes };

/** What this process has counted in the last minute. */
export class RecentUsageWindow {
  private readonly counted: (Counted & { readonly total: UsageFigures })[] = [];
  private readonly sums = new Map<string, UsageFigures>();

  add(counted: Counted): void {
    const total = noUsage();
    for (const [tenantId, figures] of counted.usage) {
      const sum = this.sums.get(tenantId) ?? noUsage();
      addUsage(sum, figures);
      this.sums.set(tenantId, sum);
      addUsage(total, figures);
    }
    this.counted.push({ ...counted, total });
    while (this.counted[0] && this.counted[0].endedAt <= counted.endedAt - WINDOW_MS) {
      this.forget(this.counted.shift()!.usage);
    }
  }

  /** The busiest tenants. */
  busiest(): RecentUsage[] {
    const byTime = busiestBy(this.sums, ({ durationMs }) => durationMs);
    const byNumber = busiestBy(this.sums, ({ requests, runs }) => requests + runs);
    return Array.from(new Set([...byTime, ...byNumber]), (tenantId) => ({ tenantId, ...this.sums.get(tenantId)! }));
  }

  totals(): RecentTotals {
    const totals = { ...noUsage(), times: noRequestTimes() };
    for (const { total, times } of this.counted) {
      addUsage(totals, total);
      addRequestTimes(totals.times, times);
    }
    return totals;
  }

  private forget(usage: UsageByTenant): void {
    for (const [tenantId, figures] of usage) {
      const sum = this.sums.get(tenantId);
      if (!sum) continue;
      subtractUsage(sum, figures);
      if (sum.requests + sum.runs <= 0) this.sums.delete(tenantId);
    }
  }
}

/** The tenants with the highest values, without sorting all of them: there may be very many. */
function busiestBy(sums: ReadonlyMap<string, UsageFigures>, valueOf: (figures: UsageFigures) => number): string[] {
  const highest: { readonly tenantId: string; readonly value: number }[] = []; // ascending
  for (const [tenantId, figures] of sums) {
    const value = valueOf(figures);
    if (highest.length === MAX_NAMED && value <= highest[0]!.value) continue;
    const index = highest.findIndex((other) => other.value >= value);
    highest.splice(index === -1 ? highest.length : index, 0, { tenantId, value });
    if (highest.length > MAX_NAMED) highest.shift();
  }
  return highest.map(({ tenantId }) => tenantId).toReversed();
}
