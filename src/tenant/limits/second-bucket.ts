const SECOND_MS = 1000;

/**
 * Counts the requests of a second in this process, as the script of `redis-leases.ts` does for all: a bucket that holds the tokens of
 * a second, and is refilled only from a second after it was full. So a whole second is admitted at once, and still no more
 * than the rate on average from the first request on.
 */
export class SecondBucket {
  private tokens = Infinity;
  private at = 0;
  private refilledFrom = 0;

  /** @param rate requests per second; below 1, one request in so many seconds */
  take(now: number, rate: number): boolean {
    const most = Math.max(1, rate);
    this.refill(now, rate, most);
    if (this.tokens >= most) this.refilledFrom = now + (rate < 1 ? 0 : SECOND_MS);
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** Requests that would be admitted now. */
  left(now: number, rate: number): number {
    this.refill(now, rate, Math.max(1, rate));
    return Math.floor(this.tokens);
  }

  private refill(now: number, rate: number, most: number): void {
    const from = Math.max(this.at, this.refilledFrom);
    const refilled = this.tokens + (Math.max(0, now - from) * rate) / SECOND_MS;
    this.tokens = Math.min(most, refilled);
    this.at = now;
  }
}
