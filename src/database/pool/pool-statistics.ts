import { CloseReason } from '../connection/physical-connection.js';

/** The state of one target's pool, and event counts since the pool was created. */
export interface PoolSnapshot {
  readonly target: string;
  readonly total: number;
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
  readonly waits: WaitHistogramSnapshot;
  readonly opened: number;
  readonly openFailures: number;
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>;
  readonly timeouts: number;
  /** Callers rejected with TENANT_BUSY. */
  readonly refused: number;
  /** Requests passed to a direct connection because the pool failed. */
  readonly fallbacks: number;
  /** Reads sent again because a slow statement was in front of them on a shared connection. */
  readonly resent: number;
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** Whether the target is at a read replica. */
  readonly isReplica?: boolean;
}

/** One server's budget, across all pools of this process. */
export interface ServerSnapshot {
  readonly server: string;
  /** Maximum number of connections. */
  readonly limit: number;
  /** Connections open, being opened or being closed. */
  readonly open: number;
  /** Connections that pools would open if the limit allowed. */
  readonly waiting: number;
}

/** Event counters of a pool since it was created. */
export class PoolStatistics {
  readonly waits = new WaitHistogram();
  opened = 0;
  openFailures = 0;
  timeouts = 0;
  /** Callers rejected because their tenant's queue was full. */
  refused = 0;
  fallbacks = 0;
  /** Reads sent again because a slow statement was in front of them on a shared connection. */
  resent = 0;
  private readonly closed: Partial<Record<CloseReason, number>> = {};

  countClosed(reason: CloseReason): void {
    this.closed[reason] = (this.closed[reason] ?? 0) + 1;
  }

  snapshot(): Pick<
    PoolSnapshot,
    'waits' | 'opened' | 'openFailures' | 'closed' | 'timeouts' | 'refused' | 'fallbacks' | 'resent'
  > {
    const { opened, openFailures, timeouts, refused, fallbacks, resent } = this;
    return {
      waits: this.waits.snapshot(),
      opened,
      openFailures,
      closed: { ...this.closed },
      timeouts,
      refused,
      fallbacks,
      resent,
    };
  }
}

/** Upper bounds of the buckets, in ms; a final bucket counts longer waits. */
export const WAIT_BUCKETS_MS: readonly number[] = [
  1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];

/** Distribution of the time that callers waited for a connection. */
interface WaitHistogramSnapshot {
  /** Callers per bucket, not cumulative; one more bucket than there are bounds. */
  readonly counts: readonly number[];
  readonly totalMs: number;
}

class WaitHistogram {
  private readonly counts = WAIT_BUCKETS_MS.map(() => 0).concat(0);
  private totalMs = 0;

  record(waitedMs: number): void {
    const bucket = WAIT_BUCKETS_MS.findIndex((bound) => waitedMs <= bound);
    this.counts[bucket < 0 ? WAIT_BUCKETS_MS.length : bucket]! += 1;
    this.totalMs += waitedMs;
  }

  snapshot(): WaitHistogramSnapshot {
    return { counts: [...this.counts], totalMs: this.totalMs };
  }
}
