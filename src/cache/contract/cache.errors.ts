import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when the truth behind the cache does not answer in time, and nothing stale may be served instead. */
export class LoadTimeoutError extends CodedError {
  readonly code = 'CATALOG_UNAVAILABLE';

  constructor(readonly key: string) {
    super('the catalog does not answer', { retryAfterSeconds: 1 });
  }
}
