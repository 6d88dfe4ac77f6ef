import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for a value that is larger than the cache accepts, or that JSON cannot represent. */
export class UncacheableValueError extends CodedError {
  readonly code = 'UNCACHEABLE_VALUE';

  /** @internal */
  static tooLarge(bytes: number, maxBytes: number): UncacheableValueError {
    return new UncacheableValueError(`the value has ${bytes} bytes as JSON, and the cache accepts ${maxBytes}`);
  }

  /** @internal */
  static notJson(cause?: unknown): UncacheableValueError {
    return new UncacheableValueError('JSON cannot represent the value', { cause });
  }
}

/** Raised for a key that is empty or longer than the cache accepts, and for a time to live that is no positive number. */
export class InvalidCacheArgumentError extends CodedError {
  readonly code = 'INVALID_CACHE_ARGUMENT';
}
