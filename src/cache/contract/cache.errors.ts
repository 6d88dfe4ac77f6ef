import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when the source behind the cache does not respond in time and no stale value may be served instead. */
export class LoadTimeoutError extends PublicError {
  constructor(readonly key: string) {
    super('CATALOG_UNAVAILABLE', 'the catalog does not answer', { retryAfterSeconds: 1 });
  }
}
