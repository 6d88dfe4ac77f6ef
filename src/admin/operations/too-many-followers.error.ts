import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for one more that wants to follow an operation on an instance where many do. */
export class TooManyFollowersError extends CodedError {
  readonly code = 'TOO_MANY_FOLLOWERS';

  constructor(most: number) {
    super(`${most} follow operations on this instance already`, { retryAfterSeconds: 5 });
  }
}
