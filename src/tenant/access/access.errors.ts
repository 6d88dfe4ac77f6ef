import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a tenant's credential is used on a control-plane route, or the admin key on a tenant route. */
export class ForbiddenError extends CodedError {
  readonly code = 'FORBIDDEN';
}
