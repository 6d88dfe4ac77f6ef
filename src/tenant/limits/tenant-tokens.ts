import { runWithoutContext } from '../../platform/run-without-context.js';
import { endsWithin } from '../../platform/timeout.js';
import { DAY_MS, policyOf } from './rate-limit-fields.js';
import type { Exceeded, Lease, LeaseRequest, LeaseTokens, RequestLimits } from './request-limits.js';
import { SecondBucket } from './second-bucket.js';

/** What all tenants' tokens share. */
export interface TokenSource {
  /** Undefined without Redis. */
  readonly lease: LeaseTokens | undefined;
  /** How many instances run. */
  readonly instances: () => number;
  /** In ms: one that only moves forward, and the time of day. */
  readonly now: () => number;
  readonly wallMs: () => number;
  /** How long a request waits for Redis, in ms; then the local share decides. */
  readonly waitMs: number;
  /** Called for each request that the local share has decided. */
  readonly onShare: () => void;
}

/** Leased tokens of the second are given back after this time: unused, they must not become a burst. */
const LEASE_MS = 250;
/** Requests of a tenant that wait for Redis at once. */
const MAX_WAITING = 1000;
/** How often Redis is asked while it does not answer, and for a day whose tokens are used up. */
const RETRY_MS = 100;
const DAY_RETRY_MS = 1000;
/** The part of a second's or a day's tokens that one lease holds, where not more requests wait. */
const SECOND_PART = 40;
const DAY_PART = 1000;
const SECOND_MS = 1000;

/**
 * The tokens of one tenant in this process. Most requests take one that was leased ahead; a request that finds none waits a
 * moment for Redis. While Redis does not answer, the local share decides: the limit divided by the number of instances.
 */
export class TenantTokens {
  private limits: RequestLimits = {};
  /** The field `RateLimit-Policy` for the limits. */
  policy = '';
  private second = 0;
  private ofDay = 0;
  private leasedAt = 0;
  private unused = 0;
  private today: number;

  private isShared = true;
  private asking: Promise<void> | undefined;
  private askedAt = -Infinity;
  private waiting = 0;
  private blocked: Exceeded | undefined;
  private blockedUntil = 0;

  private leftOfSecond = 0;
  private usedOfDay = 0;
  private debt = 0;
  private debtOfDay = 0;
  private readonly share = new SecondBucket();

  constructor(
    private readonly tenantId: string,
    private readonly source: TokenSource,
  ) {
    this.today = this.dayNow();
  }

  /** Takes a token for one request. Returns the limit that it is above; undefined when it is admitted. */
  take(limits: RequestLimits): Exceeded | undefined | Promise<Exceeded | undefined> {
    if (limits !== this.limits) this.useLimits(limits);
    const now = this.source.now();
    if (this.second > 0 && now - this.leasedAt > LEASE_MS) this.giveBack();
    if (this.dayNow() !== this.today) this.startDay();
    if (this.spend()) {
      this.askAhead(now);
      return undefined;
    }
    if (!this.source.lease) return this.takeShare();
    if (!this.isShared) {
      if (now - this.askedAt >= RETRY_MS) void this.ask();
      return this.takeShare();
    }
    if (now < this.blockedUntil) return this.blocked;
    return this.waiting < MAX_WAITING ? this.waitForToken() : this.takeShare();
  }

  /** About how many more requests would be admitted now. */
  remaining(): { readonly second: number; readonly day: number } {
    const { requestsPerSecond = 0, requestsPerDay = 0 } = this.limits;
    const isRecent = this.source.now() - this.leasedAt < SECOND_MS;
    const ofSecond = this.isShared && this.source.lease ? this.second + this.leftOfSecond : this.shareLeft();
    const isEmpty = this.source.now() < this.blockedUntil;
    return {
      second: isEmpty ? 0 : Math.max(0, isRecent || !this.isShared ? ofSecond : requestsPerSecond),
      day: Math.max(0, requestsPerDay - this.usedOfDay - this.debtOfDay + this.ofDay),
    };
  }

  private shareLeft(): number {
    const { requestsPerSecond = 0 } = this.limits;
    return requestsPerSecond && this.share.left(this.source.now(), requestsPerSecond / this.instances());
  }

  private useLimits(limits: RequestLimits): void {
    const { requestsPerSecond, requestsPerDay } = this.limits;
    this.limits = limits;
    if (requestsPerSecond === limits.requestsPerSecond && requestsPerDay === limits.requestsPerDay) return;
    this.policy = policyOf(limits);
    this.blockedUntil = 0;
    this.giveBack();
    this.ofDay = 0; // counted as used: a lease is a thousandth of the day's
  }

  private spend(): boolean {
    const { requestsPerSecond, requestsPerDay } = this.limits;
    if (requestsPerSecond !== undefined && this.second < 1) return false;
    if (requestsPerDay !== undefined && this.ofDay < 1) return false;
    if (requestsPerSecond !== undefined) this.second -= 1;
    if (requestsPerDay !== undefined) this.ofDay -= 1;
    return true;
  }

  private giveBack(): void {
    this.unused += this.second;
    this.second = 0;
  }

  private startDay(): void {
    this.today = this.dayNow();
    this.ofDay = 0;
    this.usedOfDay = 0;
    this.debtOfDay = 0;
    if (this.blocked === 'day') this.blockedUntil = 0;
  }

  private takeShare(): Exceeded | undefined {
    this.source.onShare();
    const { requestsPerSecond, requestsPerDay } = this.limits;
    const instances = this.instances();
    if (requestsPerDay !== undefined && this.debtOfDay >= Math.ceil((requestsPerDay - this.usedOfDay) / instances)) {
      return 'day';
    }
    if (requestsPerSecond !== undefined && !this.share.take(this.source.now(), requestsPerSecond / instances)) {
      return 'second';
    }
    this.debt += 1;
    this.debtOfDay += 1;
    return undefined;
  }

  private async waitForToken(): Promise<Exceeded | undefined> {
    const { waitMs } = this.source;
    const deadline = this.source.now() + waitMs;
    this.waiting += 1;
    try {
      for (let leftMs = waitMs; leftMs > 0; leftMs = deadline - this.source.now()) {
        if (!(await endsWithin(this.ask(), leftMs))) break;
        if (this.spend()) return undefined;
        if (!this.isShared) break;
        if (this.source.now() < this.blockedUntil) return this.blocked;
      }
    } finally {
      this.waiting -= 1;
    }
    return this.takeShare();
  }

  /** Before the last token is spent, where a lease has more than one: then the next request need not wait. */
  private askAhead(now: number): void {
    const { requestsPerSecond, requestsPerDay } = this.limits;
    if (!this.source.lease || this.asking || now < this.blockedUntil) return;
    const isLow =
      (requestsPerSecond !== undefined && requestsPerSecond > SECOND_PART && this.second <= this.leaseOfSecond() / 2) ||
      (requestsPerDay !== undefined && requestsPerDay > DAY_PART && this.ofDay <= this.leaseOfDay() / 2);
    if (isLow) void this.ask();
  }

  private leaseOfSecond(): number {
    const { requestsPerSecond } = this.limits;
    return requestsPerSecond === undefined ? 0 : Math.max(this.waiting, Math.ceil(requestsPerSecond / SECOND_PART));
  }

  private leaseOfDay(): number {
    const { requestsPerDay } = this.limits;
    return requestsPerDay === undefined ? 0 : Math.max(this.waiting, Math.ceil(requestsPerDay / DAY_PART));
  }

  /** One question at a time, for all that wait. Never rejects. */
  private ask(): Promise<void> {
    return (this.asking ??= runWithoutContext(() => this.leaseTokens()).finally(() => (this.asking = undefined)));
  }

  private async leaseTokens(): Promise<void> {
    this.askedAt = this.source.now();
    const request: LeaseRequest = {
      tenantId: this.tenantId,
      limits: this.limits,
      perSecond: Math.max(0, this.leaseOfSecond() - this.second),
      perDay: Math.max(0, this.leaseOfDay() - this.ofDay),
      debt: Math.min(this.debt, this.limits.requestsPerSecond ?? 0),
      debtOfDay: this.debtOfDay,
      unused: this.unused,
      knownDay: this.today,
      knownUsed: this.usedOfDay,
    };
    const { debt, debtOfDay } = this;
    let lease: Lease | undefined;
    try {
      lease = await this.source.lease?.(request);
    } catch {
      lease = undefined; // as when Redis is away: limiting is no reason to fail a request
    }
    this.isShared = lease !== undefined;
    if (!lease) return;
    this.debt -= debt;
    if (request.knownDay === this.today) this.debtOfDay -= debtOfDay;
    this.receive(request, lease);
  }

  private receive(request: LeaseRequest, lease: Lease): void {
    const now = this.source.now();
    this.unused -= request.unused;
    this.leftOfSecond = lease.leftOfSecond;
    if (lease.day === this.today) this.usedOfDay = lease.usedOfDay;
    if (request.limits !== this.limits) return; // they may be former limits: what was given counts as used
    this.ofDay += lease.perDay;
    if (lease.perSecond > 0) {
      this.leasedAt = now;
      this.second += lease.perSecond;
    }
    if (request.perSecond > 0 && lease.perSecond === 0) this.block('second', now + Math.max(1, lease.waitMs));
    if (request.perDay > 0 && lease.perDay === 0) this.block('day', now + DAY_RETRY_MS);
  }

  private block(blocked: Exceeded, until: number): void {
    this.blocked = blocked;
    this.blockedUntil = until;
  }

  private instances(): number {
    return Math.max(1, this.source.instances());
  }

  private dayNow(): number {
    return Math.floor(this.source.wallMs() / DAY_MS);
  }
}
