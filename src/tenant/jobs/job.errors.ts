import { CodedError } from '../../platform/errors/coded-error.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

/** Raised for a job that is not done, and need not be tried again: `reason` is a stable code that says why. */
export class JobRefusedError extends CodedError {
  readonly code = 'JOB_REFUSED';

  /**
   * @param reason `TENANT_SUSPENDED`, `TENANT_DELETED`, `TENANT_UNAVAILABLE`, `MISSING_CARRIER`, `INVALID_CARRIER` or
   *   `CARRIER_EXPIRED`
   */
  constructor(
    readonly reason: string,
    cause: unknown,
    note = '',
  ) {
    super(`${reason}: ${reasonOf(cause)}${note}`, { cause });
  }
}

/** Raised for a policy with an unknown choice, or a wait that has no end. */
export class InvalidJobPolicyError extends CodedError {
  readonly code = 'INVALID_JOB_POLICY';

  constructor(field: string, problem: string) {
    super(`${field} of the job's policy: ${problem}`);
  }
}

/** Raised when a job that waits for its tenant could not be added again: its queue holds another one in its place. */
export class JobNotKeptError extends CodedError {
  readonly code = 'JOB_NOT_KEPT';

  constructor(jobId: string) {
    super(`the job ${jobId} waits for its tenant, but its queue's policy does not take it again`);
  }
}
