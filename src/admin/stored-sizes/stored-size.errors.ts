import { NotFoundError } from '../../platform/errors/request.errors.js';
import { PublicError } from '../../platform/errors/public-error.js';

/** Raised for a tenant that was not measured yet. */
export class NotMeasuredError extends NotFoundError {
  constructor(slug: string) {
    super('measurement of the tenant', slug);
  }
}

/** Raised when a tenant's tables could not be read in time. */
export class MeasurementTimeoutError extends PublicError {
  constructor(timeoutMs: number, cause?: unknown) {
    super('STATEMENT_TIMEOUT', `the tenant could not be measured within ${timeoutMs} ms: the last measurement holds`, {
      cause,
    });
  }
}
