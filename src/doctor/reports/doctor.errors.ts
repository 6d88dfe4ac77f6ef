import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when the checks take longer than a request may wait. They go on: a later request receives their result. */
export class DoctorRunningError extends PublicError {
  constructor(waitedMs: number) {
    super('DOCTOR_RUNNING', `the checks are not finished after ${waitedMs} ms: ask again for their result`, {
      retryAfterSeconds: 5,
    });
  }
}
