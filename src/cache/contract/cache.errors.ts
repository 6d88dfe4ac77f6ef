import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when the source behind the cache does not respond in time and no stale value may be served instead. */
export class LoadTimeoutError extends CodedError {
  readonly code = 'CATALOG_UNAVAILABLE';

  constructor(readonly key: string) {
    super('the catalog does not answer', { retryAfterSeconds: 1 });
  }
}
