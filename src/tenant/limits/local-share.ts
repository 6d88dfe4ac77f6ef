import type { Exceeded, LeaseRequest, RequestLimits } from './request-limits.js';
import { SecondBucket } from './second-bucket.js';

/** What a share has admitted, of which Redis does not know yet. */
type Debt = Pick<LeaseRequest, 'debt' | 'debtOfDay'>;

/** The requests of one tenant that this process admits by itself: the limit divided by the number of instances. */
export class LocalShare {
  /** Requests that were admitted today without a token. */
  admittedToday = 0;
  private debt = 0;
  private readonly bucket = new SecondBucket();

  /**
   * Admits a request. Returns the limit that it is above.
   *
   * @param usedOfDay of all instances, as far as this one knows
   */
  take(limits: RequestLimits, now: number, instances: number, usedOfDay: number): Exceeded | undefined {
    const { requestsPerSecond, requestsPerDay } = limits;
    if (requestsPerDay !== undefined && this.admittedToday >= Math.ceil((requestsPerDay - usedOfDay) / instances)) {
      return 'day';
    }
    if (requestsPerSecond !== undefined && !this.bucket.take(now, requestsPerSecond / instances)) return 'second';
    this.debt += 1;
    this.admittedToday += 1;
    return undefined;
  }

  /** Requests of the second that it would admit now. */
  left({ requestsPerSecond = 0 }: RequestLimits, now: number, instances: number): number {
    return requestsPerSecond && this.bucket.left(now, requestsPerSecond / instances);
  }

  /** What Redis is to count: of the second no more than its tokens, since repaying an hour would be an outage of another hour. */
  owed({ requestsPerSecond = 0 }: RequestLimits): Debt & { readonly whole: number } {
    return { debt: Math.min(this.debt, requestsPerSecond), debtOfDay: this.admittedToday, whole: this.debt };
  }

  /** @param isSameDay whether the day is still that of `owed` */
  repaid({ whole, debtOfDay }: ReturnType<LocalShare['owed']>, isSameDay: boolean): void {
    this.debt -= whole;
    if (isSameDay) this.admittedToday -= debtOfDay;
  }

  startDay(): void {
    this.admittedToday = 0;
  }
}
