import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when an object to drop is not one tenant's own: wrong form of name, or not created for the tenant. */
export class DeprovisioningRejectedError extends CodedError {
  readonly code = 'REMOVAL_REFUSED';

  constructor(reason: string) {
    super(`not deleted: ${reason}`);
  }
}
