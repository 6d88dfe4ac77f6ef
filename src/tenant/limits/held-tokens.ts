import type { Lease, RequestLimits } from './request-limits.js';

/** Leased tokens of the second are given back after this time: unused, they must not become a burst. */
const LEASE_MS = 250;
/** The part of a second's or a day's tokens that one lease holds, where not more requests wait. */
const SECOND_PART = 40;
const DAY_PART = 1000;
const SECOND_MS = 1000;

/** Tokens of one tenant that this process has leased ahead, and not spent yet. */
export class HeldTokens {
  second = 0;
  ofDay = 0;
  /** Tokens of the second that the next question gives back. */
  unused = 0;
  private leasedAt = 0;

  /** Takes one of each limit; false without taking any. */
  spend({ requestsPerSecond, requestsPerDay }: RequestLimits): boolean {
    if (requestsPerSecond !== undefined && this.second < 1) return false;
    if (requestsPerDay !== undefined && this.ofDay < 1) return false;
    if (requestsPerSecond !== undefined) this.second -= 1;
    if (requestsPerDay !== undefined) this.ofDay -= 1;
    return true;
  }

  giveBack(): void {
    this.unused += this.second;
    this.second = 0;
  }

  giveBackExpired(now: number): void {
    if (this.second > 0 && now - this.leasedAt > LEASE_MS) this.giveBack();
  }

  /** Those of another day, or of former limits. They count as used: a lease is a thousandth of the day's. */
  dropDay(): void {
    this.ofDay = 0;
  }

  /** Before the last token is spent, where a lease has more than one: then the next request need not wait. */
  areLow(limits: RequestLimits, waiting: number): boolean {
    const { requestsPerSecond, requestsPerDay } = limits;
    const { perSecond, perDay } = leaseSizes(limits, waiting);
    if (requestsPerSecond !== undefined && requestsPerSecond > SECOND_PART && this.second <= perSecond / 2) return true;
    return requestsPerDay !== undefined && requestsPerDay > DAY_PART && this.ofDay <= perDay / 2;
  }

  /** How many to ask for. @param waiting requests that wait for a token */
  missing(limits: RequestLimits, waiting: number): { readonly perSecond: number; readonly perDay: number } {
    const { perSecond, perDay } = leaseSizes(limits, waiting);
    return { perSecond: Math.max(0, perSecond - this.second), perDay: Math.max(0, perDay - this.ofDay) };
  }

  add({ perSecond, perDay }: Lease, now: number): void {
    this.ofDay += perDay;
    if (perSecond === 0) return;
    this.leasedAt = now;
    this.second += perSecond;
  }

  /** Whether a token of the second was leased within the last second. */
  areRecent(now: number): boolean {
    return now - this.leasedAt < SECOND_MS;
  }
}

function leaseSizes({ requestsPerSecond, requestsPerDay }: RequestLimits, waiting: number) {
  const sizeOf = (limit: number | undefined, part: number): number =>
    limit === undefined ? 0 : Math.max(waiting, Math.ceil(limit / part));
  return { perSecond: sizeOf(requestsPerSecond, SECOND_PART), perDay: sizeOf(requestsPerDay, DAY_PART) };
}
