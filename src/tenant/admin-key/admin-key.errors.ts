import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for a credential that could be the admin key while attempts from its address are not compared. */
export class RateLimitedError extends CodedError {
  readonly code = 'RATE_LIMITED';

  constructor(retryAfterMs: number) {
    super('too many invalid credentials from this address', { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) });
  }
}
