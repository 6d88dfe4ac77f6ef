import type { CallSite } from './call-site.js';

/** A connection that somebody holds for longer than one statement. */
export interface HeldLease {
  readonly tenantId: string;
  /** When it was taken, in ms of the pool's clock. */
  readonly since: number;
  /** Where it was asked for. */
  readonly site: CallSite;
}

/** Who holds a target's connections, so that a lease which is never given back is found. */
export class LeaseRegister {
  private readonly held = new Set<HeldLease>();
  private readonly reported = new WeakSet<HeldLease>();

  add(tenantId: string, since: number, site: CallSite): HeldLease {
    const lease = { tenantId, since, site };
    this.held.add(lease);
    return lease;
  }

  delete(lease: HeldLease): void {
    this.held.delete(lease);
  }

  /** Those held for longer than the threshold that were not told of before. */
  overdue(now: number, thresholdMs: number): HeldLease[] {
    const found = [...this.held].filter((lease) => now - lease.since > thresholdMs && !this.reported.has(lease));
    for (const lease of found) this.reported.add(lease);
    return found;
  }

  all(): HeldLease[] {
    return [...this.held];
  }
}
