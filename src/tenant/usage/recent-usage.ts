import type { RecentUsage } from './usage-batches.js';
import type { UsageByTenant } from './usage-counter.js';
import { addUsage, noUsage, type UsageFigures } from './usage-figures.js';

const WINDOW_MS = 60_000;
/** Tenants that are named, by the time and again by the number of their requests and runs. */
const MAX_NAMED = 100;

/** What this process has counted in the last minute. */
export class RecentUsageWindow {
  private readonly counted: { readonly usage: UsageByTenant; readonly endedAt: number }[] = [];

  add(usage: UsageByTenant, endedAt: number): void {
    this.counted.push({ usage, endedAt });
    while ((this.counted[0]?.endedAt ?? endedAt) <= endedAt - WINDOW_MS) this.counted.shift();
  }

  /** The busiest tenants. */
  busiest(): RecentUsage[] {
    const sums = new Map<string, UsageFigures>();
    for (const { usage } of this.counted) {
      for (const [tenantId, figures] of usage) {
        const sum = sums.get(tenantId) ?? noUsage();
        addUsage(sum, figures);
        sums.set(tenantId, sum);
      }
    }
    const all = [...sums].map(([tenantId, figures]) => ({ tenantId, ...figures }));
    const byTime = all.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, MAX_NAMED);
    const byNumber = all.toSorted((a, b) => b.requests + b.runs - a.requests - a.runs).slice(0, MAX_NAMED);
    return [...new Set([...byTime, ...byNumber])];
  }
}
