import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when a client wants to follow an operation and the instance has reached its limit of event streams. */
export class TooManyFollowersError extends PublicError {
  constructor(max: number) {
    super('TOO_MANY_FOLLOWERS', `this instance already serves ${max} operation event streams`, {
      retryAfterSeconds: 5,
    });
  }
}
