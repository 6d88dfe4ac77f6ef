import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when credentials cannot be rotated as asked for: another database, a role of something else, or one that owns data. */
export class RotationRefusedError extends CodedError {
  readonly code = 'ROTATION_REFUSED';

  constructor(reason: string) {
    super(`credentials not rotated: ${reason}`);
  }
}

/** Raised when the successor of a login role was made and cannot log in. */
export class SuccessorLoginError extends CodedError {
  readonly code = 'SUCCESSOR_LOGIN_FAILED';

  constructor(cause: unknown) {
    super('the new login role cannot log in', { cause });
  }
}
