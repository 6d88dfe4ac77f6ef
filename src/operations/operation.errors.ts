import type { OperationFailure } from '../catalog/entities/operation.entity.js';
import { CodedError } from '../platform/errors/coded-error.js';

/** Raised inside an operation that was cancelled. */
export class OperationCancelledError extends CodedError {
  readonly code = 'OPERATION_CANCELLED';

  constructor() {
    super('the operation was cancelled');
  }
}

/** Raised inside an operation whose lock was lost or whose process shuts down: another instance continues it. */
export class OperationLostError extends CodedError {
  readonly code = 'OPERATION_LOST';

  constructor() {
    super('this instance stopped working on the operation: another instance continues it');
  }
}

/** Raised when an operation that a caller waits for has failed or was cancelled. */
export class OperationFailedError extends CodedError {
  readonly code = 'OPERATION_FAILED';

  constructor(
    readonly operationId: string,
    /** Code of the error that the operation failed with; `OPERATION_CANCELLED` when it was cancelled. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** Raised by a step that has to be tried again later, by whichever instance; the operation waits until then. */
export class StepPostponedError extends CodedError {
  readonly code: string;

  constructor(
    readonly seconds: number,
    failure: OperationFailure,
    cause?: unknown,
  ) {
    super(failure.message, { cause });
    this.code = failure.code;
  }
}

/** Raised when an operation was started again and again without finishing a step: it may crash its instances. */
export class OperationGivenUpError extends CodedError {
  readonly code = 'OPERATION_GIVEN_UP';

  constructor(attempts: number) {
    super(`started ${attempts} times without finishing a step`);
  }
}
