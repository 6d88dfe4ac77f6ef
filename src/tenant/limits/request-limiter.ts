import { setNewest } from '../../platform/bounded-map.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { TenantRateLimitedError } from './limits.errors.js';
import { remainingOf, retryAfterSeconds } from './rate-limit-fields.js';
import type { Exceeded, LeaseTokens, RequestLimits } from './request-limits.js';
import { TenantTokens, type TokenSource } from './tenant-tokens.js';

/** Tenants whose tokens are kept; those of an evicted one are leased again. */
const MAX_TENANTS = 10_000;
const WAIT_MS = 50;

type LimiterOptions = { readonly [Name in 'now' | 'wallMs' | 'waitMs']?: TokenSource[Name] | undefined };

type Response = Pick<HttpResponse, 'header'>;

/** Admits the requests of tenants up to their limits, over all instances. */
export class RequestLimiter {
  /** Refused requests, by the limit that they were above. */
  readonly refused: Record<Exceeded, number> = { second: 0, day: 0 };
  /** Requests that the local share has decided. */
  byShare = 0;

  private readonly tenants = new Map<string, TenantTokens>();
  private readonly source: TokenSource;

  constructor(
    lease: LeaseTokens | undefined,
    instances: () => number,
    { now = () => performance.now(), wallMs = () => Date.now(), waitMs = WAIT_MS }: LimiterOptions = {},
  ) {
    this.source = { lease, instances, now, wallMs, waitMs, onShare: () => (this.byShare += 1) };
  }

  /**
   * Counts one request of a tenant. Returns a promise only if Redis must be asked.
   *
   * @param response gets the fields `RateLimit` and `RateLimit-Policy`, and `Retry-After` when the request is refused
   * @throws TenantRateLimitedError, at once or with the promise
   */
  admit(tenantId: string, limits: RequestLimits | undefined, response?: Response): void | Promise<void> {
    if (limits?.requestsPerSecond === undefined && limits?.requestsPerDay === undefined) return;
    const tokens = this.tokensOf(tenantId);
    const outcome = tokens.take(limits);
    if (!(outcome instanceof Promise)) return this.answer(tokens, limits, outcome, response);
    return outcome.then((exceeded) => this.answer(tokens, limits, exceeded, response));
  }

  private tokensOf(tenantId: string): TenantTokens {
    const known = this.tenants.get(tenantId);
    if (known) return known;
    const created = new TenantTokens(tenantId, this.source);
    setNewest(this.tenants, tenantId, created, MAX_TENANTS);
    return created;
  }

  private answer(tokens: TenantTokens, limits: RequestLimits, exceeded?: Exceeded, response?: Response): void {
    const wallMs = this.source.wallMs();
    if (response) {
      const remaining = tokens.remaining();
      void response.header('ratelimit-policy', tokens.policy);
      void response.header(
        'ratelimit',
        remainingOf(limits, exceeded ? { ...remaining, [exceeded]: 0 } : remaining, wallMs),
      );
    }
    if (!exceeded) return;
    this.refused[exceeded] += 1;
    const seconds = retryAfterSeconds(exceeded, wallMs);
    if (response) void response.header('retry-after', String(seconds));
    throw new TenantRateLimitedError(exceeded, seconds);
  }
}
