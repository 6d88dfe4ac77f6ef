import { CodedError, isCodedError } from '../../platform/errors/coded-error.js';
import { JobRefusedError } from '../../tenant/jobs/job.errors.js';

/**
 * Raised when several jobs of one batch have failed: pg-boss keeps one error for all of them. It names codes, never messages,
 * which may show one tenant's data to another one.
 */
export class FailedBatchError extends CodedError {
  readonly code = 'BATCH_JOBS_FAILED';

  constructor(failed: readonly { readonly id: string; readonly error: unknown }[]) {
    const jobs = failed.map(({ id, error }) => `${id} ${codeOf(error)}`);
    super(`${failed.length} jobs of a batch have failed: ${jobs.join(', ')}`);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof JobRefusedError) return error.reason;
  if (isCodedError(error)) return error.code;
  return error instanceof Error ? error.name : 'Error';
}
