import { CodedError } from '../platform/errors/coded-error.js';

/** Raised inside an operation that somebody cancelled. */
export class OperationCancelledError extends CodedError {
  readonly code = 'OPERATION_CANCELLED';

  constructor() {
    super('the operation was cancelled');
  }
}

/** Raised inside an operation whose lock is gone: another instance goes on with it, or will. */
export class OperationLostError extends CodedError {
  readonly code = 'OPERATION_LOST';

  constructor() {
    super('another instance goes on with this operation');
  }
}

/** Raised when an operation ends without having reached what was asked for. */
export class OperationFailedError extends CodedError {
  readonly code = 'OPERATION_FAILED';

  constructor(
    readonly operationId: string,
    /** The code of what went wrong. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** Raised when an operation was taken up again and again and never finished a step: it may kill who works on it. */
export class OperationGivenUpError extends CodedError {
  readonly code = 'OPERATION_GIVEN_UP';

  constructor(attempts: number) {
    super(`taken up ${attempts} times without finishing a step`);
  }
}
