import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when something about the tenant's tables or its new place keeps it from being moved; nothing was changed. */
export class MoveRefusedError extends CodedError {
  readonly code = 'MOVE_REFUSED';

  constructor(readonly obstacles: readonly string[]) {
    super(`the tenant cannot be moved: ${obstacles.join('; ')}`);
  }
}

/** Raised when the tenant's own transactions left no moment for the switch; it is where it was. */
export class MoveTimeoutError extends CodedError {
  readonly code = 'MOVE_TIMEOUT';

  constructor(what: string) {
    super(`the move was given up: ${what}`);
  }
}
