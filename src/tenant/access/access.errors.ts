import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when a tenant's credential is used on a control-plane route, or the admin key on a tenant route. */
export class ForbiddenError extends PublicError {
  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}
