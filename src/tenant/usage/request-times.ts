/** Upper bounds of the buckets, in ms; a last bucket counts what took longer. */
const REQUEST_TIME_BOUNDS_MS: readonly number[] = [
  ...[1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700],
  ...[1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 20_000, 30_000, 60_000],
];

/** Requests per bucket, not cumulative; one more than there are bounds. */
export type RequestTimes = number[];

export function noRequestTimes(): RequestTimes {
  return Array.from({ length: REQUEST_TIME_BOUNDS_MS.length + 1 }, () => 0);
}

export function addRequestTime(times: RequestTimes, durationMs: number): void {
  const bucket = REQUEST_TIME_BOUNDS_MS.findIndex((bound) => durationMs <= bound);
  times[bucket < 0 ? REQUEST_TIME_BOUNDS_MS.length : bucket]! += 1;
}

export function addRequestTimes(sum: RequestTimes, times: readonly number[]): void {
  for (const [bucket, count] of times.entries()) if (bucket < sum.length) sum[bucket]! += count;
}

/**
 * The time in ms within which this share of the requests was answered, on a straight line within its bucket; the highest bound for
 * anything above it. Null without requests.
 */
export function requestTimeWithin(times: readonly number[], share: number): number | null {
  const total = times.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = share * total;
  for (const [bucket, bound] of REQUEST_TIME_BOUNDS_MS.entries()) {
    const count = times[bucket] ?? 0;
    if (count > 0 && left <= count) {
      const lower = REQUEST_TIME_BOUNDS_MS[bucket - 1] ?? 0;
      return lower + (bound - lower) * (left / count);
    }
    left -= count;
  }
  return REQUEST_TIME_BOUNDS_MS.at(-1)!;
}
