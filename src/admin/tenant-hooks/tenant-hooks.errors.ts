import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a class cannot be declared with `onTenant`. */
export class InvalidHooksError extends CodedError {
  readonly code = 'INVALID_HOOKS';

  constructor(name: string, reason: string) {
    super(`onTenant cannot declare "${name}": ${reason}`);
  }
}

/** Raised at startup when two classes with hooks have the same name: their results could not be told apart. */
export class DuplicateHooksError extends CodedError {
  readonly code = 'DUPLICATE_HOOKS';

  constructor(name: string) {
    super(`two classes with hooks have the name ${name}: give one of them another with @onTenant({ name: … })`);
  }
}

/** Raised when a hook has failed for the last time, and the operation requires it. A retry of the operation calls it again. */
export class HookFailedError extends CodedError {
  readonly code = 'HOOK_FAILED';

  constructor(name: string, event: string, message: string, cause?: unknown) {
    super(`${event} of ${name} failed: ${message}`, { cause });
  }
}

/** Raised when a hook has not settled in time. */
export class HookTimeoutError extends CodedError {
  readonly code = 'HOOK_TIMEOUT';

  constructor(timeoutMs: number) {
    super(`no result within ${timeoutMs / 1_000} s`);
  }
}

/** Raised at the end of an operation in which required hooks have failed. A retry of the operation calls them again. */
export class HooksFailedError extends CodedError {
  readonly code = 'HOOKS_FAILED';

  constructor(readonly failed: number) {
    super(`${failed} required hooks failed`);
  }
}

/** Raised when it cannot be learnt whether a transaction of seeds was committed. */
export class SeedOutcomeUnknownError extends CodedError {
  readonly code = 'SEED_OUTCOME_UNKNOWN';

  constructor(transactionId: string) {
    super(`the server does not report whether transaction ${transactionId} with the seeds was committed`);
  }
}

/** Raised in an attempt that has timed out, or that another instance has replaced. Its transaction is rolled back. */
export class AttemptEndedError extends CodedError {
  readonly code = 'ATTEMPT_ENDED';

  constructor(attempt: number) {
    super(`attempt ${attempt} has ended: another one may have begun`);
  }
}
