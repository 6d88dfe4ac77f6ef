/** Upper bounds of the buckets, in ms; a final bucket counts longer waits. */
export const WAIT_BUCKETS_MS: readonly number[] = [
  1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];

/** Distribution of the time that callers waited for a connection. */
export interface WaitHistogramSnapshot {
  /** Callers per bucket, not cumulative; one more bucket than there are bounds. */
  readonly counts: readonly number[];
  readonly totalMs: number;
}

export class WaitHistogram {
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
