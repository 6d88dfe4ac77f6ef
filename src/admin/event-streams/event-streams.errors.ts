import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when this instance has reached its limit of event streams, or an operator its share of them. */
export class TooManyFollowersError extends PublicError {
  constructor(message: string) {
    super('TOO_MANY_FOLLOWERS', message, { retryAfterSeconds: 5 });
  }
}
