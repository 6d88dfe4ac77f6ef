import { PublicError } from '../../platform/errors/public-error.js';
import type { Exceeded } from './request-limits.js';

/** Raised for a request above its tenant's limit per second or per day. */
export class TenantRateLimitedError extends PublicError {
  constructor(exceeded: Exceeded, retryAfterSeconds: number) {
    super('RATE_LIMITED', `this tenant has sent more requests than its limit per ${exceeded} admits`, {
      retryAfterSeconds,
    });
  }
}
