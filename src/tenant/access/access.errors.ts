import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a credential of one kind is used where the other is needed. */
export class ForbiddenError extends CodedError {
  readonly code = 'FORBIDDEN';
}
