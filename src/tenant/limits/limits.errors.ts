import { PublicError } from '../../platform/errors/public-error.js';

/** Raised for a request above its tenant's limit per second or per day. */
export class TenantRateLimitedError extends PublicError {
  constructor(retryAfterSeconds: number) {
    super('RATE_LIMITED', 'this tenant has sent more requests than its limit allows', { retryAfterSeconds });
  }
}
