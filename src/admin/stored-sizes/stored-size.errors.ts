import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when a tenant's tables could not be read in time. */
export class MeasurementTimeoutError extends PublicError {
  constructor(timeoutMs: number, cause?: unknown) {
    super('STATEMENT_TIMEOUT', `the tenant could not be measured within ${timeoutMs} ms: the last measurement holds`, {
      cause,
    });
  }
}
