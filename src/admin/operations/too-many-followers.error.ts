import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a client wants to follow an operation and the instance has reached its limit of event streams. */
export class TooManyFollowersError extends CodedError {
  readonly code = 'TOO_MANY_FOLLOWERS';

  constructor(max: number) {
    super(`this instance already serves ${max} operation event streams`, { retryAfterSeconds: 5 });
  }
}
