/** Requests of a tenant that are admitted per second and per day (UTC). */
export interface RequestLimits {
  readonly requestsPerSecond?: number | undefined;
  readonly requestsPerDay?: number | undefined;
}

/** What an instance asks for: tokens of the second and of the day, and the requests admitted without one (debt). */
export interface LeaseRequest {
  readonly tenantId: string;
  readonly limits: RequestLimits;
  readonly perSecond: number;
  readonly perDay: number;
  readonly debt: number;
}

export interface Lease {
  readonly perSecond: number;
  readonly perDay: number;
}

/** Runs the script of `redis-leases.ts`; undefined when Redis cannot be used. */
export type LeaseTokens = (request: LeaseRequest) => Promise<Lease | undefined>;

/** Leased tokens of the second that are not used within this time are dropped: they must not become a burst, in ms. */
const LEASE_MS = 250;
/** The shortest time between two requests for tokens, in ms. */
const ASK_MS = 25;
/** The part of a second's or a day's tokens that one lease holds at most. */
const SECOND_PART = 40;
const DAY_PART = 1_000;
const DAY_MS = 86_400_000;

interface TenantTokens {
  perSecond: number;
  perDay: number;
  day: number;
  leasedAt: number;
  askedAt: number;
  isAsking: boolean;
  /** Whether Redis has answered the last request for tokens. */
  isShared: boolean;
  /** Admitted from the local share. */
  debt: number;
  local: number;
  localAt: number;
  localOfDay: number;
}

/**
 * Admits requests from tokens leased ahead, so that most cost no round trip. While Redis does not answer, an instance
 * admits its share: the limit divided by the number of instances.
 */
export class TokenLeases {
  private readonly tenants = new Map<string, TenantTokens>();

  constructor(
    private readonly lease: LeaseTokens,
    private readonly instances: () => number,
    private readonly now: () => number = () => performance.now(),
    private readonly wallMs: () => number = () => Date.now(),
    private readonly maxTenants = 10_000,
  ) {}

  /** @returns 0 when the request is admitted, else the time in s after which to try again */
  take(tenantId: string, limits: RequestLimits): number {
    const { requestsPerSecond, requestsPerDay } = limits;
    if (requestsPerSecond === undefined && requestsPerDay === undefined) return 0;
    const now = this.now();
    const held = this.tokensOf(tenantId, now);
    if (now - held.leasedAt > LEASE_MS) held.perSecond = 0;
    const hasSecond = requestsPerSecond === undefined || held.perSecond >= 1;
    const hasDay = requestsPerDay === undefined || held.perDay >= 1;
    const isAdmitted = hasSecond && hasDay ? spend(held) : !held.isShared && this.takeShare(held, limits, now);
    this.askIfLow(tenantId, held, limits, now);
    if (isAdmitted) return 0;
    return hasDay || !held.isShared ? 1 : Math.max(1, Math.ceil((DAY_MS - (this.wallMs() % DAY_MS)) / 1000));
  }

  private tokensOf(tenantId: string, now: number): TenantTokens {
    const day = Math.floor(this.wallMs() / DAY_MS);
    const known = this.tenants.get(tenantId);
    if (known) {
      if (known.day !== day) Object.assign(known, { day, perDay: 0, localOfDay: 0 });
      return known;
    }
    if (this.tenants.size >= this.maxTenants) {
      const [oldest] = this.tenants.keys();
      if (oldest !== undefined) this.tenants.delete(oldest);
    }
    const times = { day, leasedAt: now, askedAt: -Infinity, localAt: now };
    const fresh = {
      ...times,
      perSecond: 0,
      perDay: 0,
      isAsking: false,
      isShared: false,
      debt: 0,
      local: 1,
      localOfDay: 0,
    };
    this.tenants.set(tenantId, fresh);
    return fresh;
  }

  private takeShare(held: TenantTokens, { requestsPerSecond, requestsPerDay }: RequestLimits, now: number): boolean {
    const instances = Math.max(1, this.instances());
    if (requestsPerDay !== undefined && held.localOfDay >= Math.ceil(requestsPerDay / instances)) return false;
    if (requestsPerSecond !== undefined) {
      const share = requestsPerSecond / instances;
      const refilled = held.local + (Math.max(0, now - held.localAt) * share) / 1000;
      held.local = Math.min(Math.max(1, share / 10), refilled);
      held.localAt = now;
      if (held.local < 1) return false;
      held.local -= 1;
    }
    held.localOfDay += 1;
    held.debt += 1;
    return true;
  }

  private askIfLow(tenantId: string, held: TenantTokens, limits: RequestLimits, now: number): void {
    const second = Math.max(1, Math.ceil((limits.requestsPerSecond ?? 0) / SECOND_PART));
    const day = Math.max(1, Math.ceil((limits.requestsPerDay ?? 0) / DAY_PART));
    const perSecond = limits.requestsPerSecond !== undefined && held.perSecond <= second / 2 ? second : 0;
    const perDay = limits.requestsPerDay !== undefined && held.perDay <= day / 2 ? day : 0;
    if (held.isAsking || (perSecond === 0 && perDay === 0) || now - held.askedAt < ASK_MS) return;
    Object.assign(held, { isAsking: true, askedAt: now });
    const { debt } = held;
    void this.lease({ tenantId, limits, perSecond, perDay, debt }).then(
      (lease) => this.receive(held, lease, debt),
      () => this.receive(held, undefined, debt), // as when Redis is away: the local share goes on
    );
  }

  private receive(held: TenantTokens, lease: Lease | undefined, debt: number): void {
    held.isAsking = false;
    held.isShared = lease !== undefined;
    if (!lease) return;
    held.debt -= debt;
    held.perDay += lease.perDay;
    if (lease.perSecond === 0) return;
    held.perSecond += lease.perSecond;
    held.leasedAt = this.now();
  }
}

function spend(held: TenantTokens): true {
  held.perSecond = Math.max(0, held.perSecond - 1);
  held.perDay = Math.max(0, held.perDay - 1);
  return true;
}
