import { PublicError } from '../../platform/errors/public-error.js';

/** Raised for a credential that could be the admin key while attempts from its address are not compared. */
export class RateLimitedError extends PublicError {
  constructor(retryAfterMs: number) {
    super('RATE_LIMITED', 'too many invalid credentials from this address', {
      retryAfterSeconds: Math.ceil(retryAfterMs / 1000),
    });
  }
}
