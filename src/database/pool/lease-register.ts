import type { CallSite } from './call-site.js';
import type { LeaseLimit } from './connection-pool.js';

/** A connection held for longer than one statement. */
export interface HeldLease {
  readonly tenantId: string;
  /** When it was acquired, in ms of the pool's clock. */
  readonly since: number;
  /** Where it was requested. */
  readonly site: CallSite;
  limit: LeaseLimit;
}

/** The open leases of a target, to detect leases that are never released. */
export class LeaseRegister {
  private readonly held = new Set<HeldLease>();
  private readonly reported = new WeakSet<HeldLease>();

  add(lease: HeldLease): HeldLease {
    this.held.add(lease);
    return lease;
  }

  delete(lease: HeldLease): void {
    this.held.delete(lease);
  }

  /** Returns leases held for longer than `thresholdMs`, each of them only once. */
  overdue(now: number, thresholdMs: number): HeldLease[] {
    const overdue = [...this.held].filter((lease) => now - lease.since > thresholdMs && !this.reported.has(lease));
    for (const lease of overdue) this.reported.add(lease);
    return overdue;
  }

  all(): HeldLease[] {
    return [...this.held];
  }
}
