import { isServerWorking, trafficOf } from '../connection/connection-activity.js';
import type { CheckedOutConnection } from './checked-out-connection.js';
import { LeaseExpiredError } from './pool.errors.js';

/** How long a lease may last, in ms; 0 for no limit. */
interface Limits {
  readonly leaseTimeoutMs: number;
  readonly leaseIdleTimeoutMs: number;
}

/** When a lease was last seen in use, and its traffic then. */
interface Activity {
  readonly at: number;
  readonly traffic: number;
}

/**
 * Finds the leases that have lasted too long, or have been idle for too long. It looks at the connections now and then,
 * so that a statement costs nothing.
 */
export class LeaseLimits {
  private readonly activities = new WeakMap<CheckedOutConnection, Activity>();

  constructor(private readonly limits: Limits) {}

  /**
   * @param now in ms of the pool's clock
   * @returns the leases to end, each with the error that its holder is to receive
   */
  expired(checkedOut: Iterable<CheckedOutConnection>, now: number): [CheckedOutConnection, LeaseExpiredError][] {
    const expired: [CheckedOutConnection, LeaseExpiredError][] = [];
    for (const each of checkedOut) {
      const reason = this.reasonToEnd(each, now);
      if (reason) expired.push([each, reason]);
    }
    return expired;
  }

  private reasonToEnd(checkedOut: CheckedOutConnection, now: number): LeaseExpiredError | undefined {
    const { lease } = checkedOut;
    if (!lease || lease.limit === 'none') return undefined;
    const { leaseTimeoutMs, leaseIdleTimeoutMs } = this.limits;
    if (lease.limit === 'life' && isOver(leaseTimeoutMs, now - lease.since))
      return new LeaseExpiredError('held', leaseTimeoutMs);
    return isOver(leaseIdleTimeoutMs, this.idleMs(checkedOut, now))
      ? new LeaseExpiredError('idle', leaseIdleTimeoutMs)
      : undefined;
  }

  private idleMs(checkedOut: CheckedOutConnection, now: number): number {
    const { client } = checkedOut;
    const traffic = trafficOf(client);
    const last = this.activities.get(checkedOut);
    if (last?.traffic === traffic && !isServerWorking(client)) return now - last.at;
    this.activities.set(checkedOut, { at: now, traffic });
    return 0;
  }
}

function isOver(limitMs: number, ms: number): boolean {
  return limitMs > 0 && ms > limitMs;
}
