import { runWithoutContext } from '../../platform/run-without-context.js';
import { endsWithin } from '../../platform/timeout.js';
import { DAY_MS, policyOf } from './rate-limit-fields.js';
import { HeldTokens } from './held-tokens.js';
import { LocalShare } from './local-share.js';
import type { Exceeded, Lease, LeaseRequest, LeaseTokens, RequestLimits } from './request-limits.js';

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

/** Requests of a tenant that wait for Redis at once. */
const MAX_WAITING = 1000;
/** How often Redis is asked while it does not answer, and for a day whose tokens are used up. */
const RETRY_MS = 100;
const DAY_RETRY_MS = 1000;

/**
 * The tokens of one tenant in this process. Most requests take one that was leased ahead; a request that finds none waits a
 * moment for Redis. While Redis does not answer, the local share decides: the limit divided by the number of instances.
 */
export class TenantTokens {
  private limits: RequestLimits = {};
  /** The field `RateLimit-Policy` for the limits. */
  policy = '';
  private readonly held = new HeldTokens();
  private readonly share = new LocalShare();
  private today: number;

  private isShared = true;
  private asking: Promise<void> | undefined;
  private askedAt = -Infinity;
  private waiting = 0;
  private blocked: Exceeded | undefined;
  private blockedUntil = 0;

  private leftOfSecond = 0;
  private usedOfDay = 0;

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
    this.held.giveBackExpired(now);
    if (this.dayNow() !== this.today) this.startDay();
    if (this.held.spend(limits)) {
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
    const { held, share } = this;
    const now = this.source.now();
    const isLeased = this.isShared && this.source.lease !== undefined;
    const ofSecond = isLeased ? held.second + this.leftOfSecond : share.left(this.limits, now, this.instances());
    const isEmpty = now < this.blockedUntil;
    return {
      second: isEmpty ? 0 : Math.max(0, held.areRecent(now) || !this.isShared ? ofSecond : requestsPerSecond),
      day: Math.max(0, requestsPerDay - this.usedOfDay - share.admittedToday + held.ofDay),
    };
  }

  private useLimits(limits: RequestLimits): void {
    const { requestsPerSecond, requestsPerDay } = this.limits;
    this.limits = limits;
    if (requestsPerSecond === limits.requestsPerSecond && requestsPerDay === limits.requestsPerDay) return;
    this.policy = policyOf(limits);
    this.blockedUntil = 0;
    this.held.giveBack();
    this.held.dropDay();
  }

  private startDay(): void {
    this.today = this.dayNow();
    this.held.dropDay();
    this.share.startDay();
    this.usedOfDay = 0;
    if (this.blocked === 'day') this.blockedUntil = 0;
  }

  private takeShare(): Exceeded | undefined {
    this.source.onShare();
    return this.share.take(this.limits, this.source.now(), this.instances(), this.usedOfDay);
  }

  private async waitForToken(): Promise<Exceeded | undefined> {
    const { waitMs } = this.source;
    const deadline = this.source.now() + waitMs;
    this.waiting += 1;
    try {
      for (let leftMs = waitMs; leftMs > 0; leftMs = deadline - this.source.now()) {
        if (!(await endsWithin(this.ask(), leftMs))) break;
        if (this.held.spend(this.limits)) return undefined;
        if (!this.isShared) break;
        if (this.source.now() < this.blockedUntil) return this.blocked;
      }
    } finally {
      this.waiting -= 1;
    }
    return this.takeShare();
  }

  private askAhead(now: number): void {
    if (!this.source.lease || this.asking || now < this.blockedUntil) return;
    if (this.held.areLow(this.limits, this.waiting)) void this.ask();
  }

  /** One question at a time, for all that wait. Never rejects. */
  private ask(): Promise<void> {
    return (this.asking ??= runWithoutContext(() => this.leaseTokens()).finally(() => (this.asking = undefined)));
  }

  private async leaseTokens(): Promise<void> {
    this.askedAt = this.source.now();
    const owed = this.share.owed(this.limits);
    const request: LeaseRequest = {
      tenantId: this.tenantId,
      limits: this.limits,
      ...this.held.missing(this.limits, this.waiting),
      debt: owed.debt,
      debtOfDay: owed.debtOfDay,
      unused: this.held.unused,
      knownDay: this.today,
      knownUsed: this.usedOfDay,
    };
    let lease: Lease | undefined;
    try {
      lease = await this.source.lease?.(request);
    } catch {
      lease = undefined; // as when Redis is away: limiting is no reason to fail a request
    }
    this.isShared = lease !== undefined;
    if (!lease) return;
    this.share.repaid(owed, request.knownDay === this.today);
    this.receive(request, lease);
  }

  private receive(request: LeaseRequest, lease: Lease): void {
    const now = this.source.now();
    this.held.unused -= request.unused;
    this.leftOfSecond = lease.leftOfSecond;
    if (lease.day === this.today) this.usedOfDay = lease.usedOfDay;
    if (request.limits !== this.limits) return; // they may be former limits: what was given counts as used
    this.held.add(lease, now);
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
