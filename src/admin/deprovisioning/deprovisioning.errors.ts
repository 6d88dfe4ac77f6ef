import { CodedError } from '../../platform/errors/coded-error.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';

/** Raised when an object to drop is not one tenant's own: wrong form of name, or not created for the tenant. */
export class DeprovisioningRejectedError extends CodedError {
  readonly code = 'REMOVAL_REFUSED';

  constructor(reason: string) {
    super(`not deleted: ${reason}`);
  }
}

/** Raised when the report of a deletion is asked for that an instance of a former release has run: it recorded none. */
export class NoErasureReportError extends NotFoundError {
  constructor() {
    super('erasure report: a former release ran the deletion');
  }
}
