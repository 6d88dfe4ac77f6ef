/** A connection that somebody holds for longer than one statement. */
export interface HeldLease {
  readonly tenantId: string;
  /** When it was taken, in ms of the pool's clock. */
  readonly since: number;
  /** Where it was taken. */
  readonly stack: string;
}

/** Who holds a target's connections, so that a lease which is never given back is found. */
export class LeaseRegister {
  private readonly held = new Set<HeldLease>();
  private readonly reported = new WeakSet<HeldLease>();

  add(tenantId: string, since: number): HeldLease {
    const lease = { tenantId, since, stack: callSite() };
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

/** The stack of whoever asked for the lease, without the frames of this room. */
function callSite(): string {
  const lines = (new Error().stack ?? '').split('\n').slice(1);
  return lines.filter((line) => !/[/\\]database[/\\](?:pool|session)[/\\]/.test(line)).join('\n');
}
