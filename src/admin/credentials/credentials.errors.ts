import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when credentials cannot be rotated: wrong database, not the target's role, or a role that owns objects. */
export class RotationRejectedError extends CodedError {
  readonly code = 'ROTATION_REFUSED';

  constructor(reason: string) {
    super(`credentials not rotated: ${reason}`);
  }
}

/** Raised when the new login role was created but cannot log in. */
export class NewRoleLoginError extends CodedError {
  readonly code = 'SUCCESSOR_LOGIN_FAILED';

  constructor(cause: unknown) {
    super('the new login role cannot log in', { cause });
  }
}
