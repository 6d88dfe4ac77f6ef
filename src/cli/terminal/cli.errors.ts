import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a command cannot be run as it was written; exit code 2. */
export class UsageError extends CodedError {
  readonly code = 'USAGE';
}

/** Raised when what was asked for was not confirmed. */
export class NotConfirmedError extends CodedError {
  readonly code = 'NOT_CONFIRMED';

  constructor() {
    super('nothing was changed');
  }
}

/** Raised when a command is interrupted; exit code 130. */
export class InterruptedError extends CodedError {
  readonly code = 'INTERRUPTED';

  constructor(operationId: string | undefined) {
    super(
      operationId === undefined
        ? 'interrupted'
        : `interrupted; the operation is kept, and goes on with: operations follow ${operationId}`,
    );
  }
}
