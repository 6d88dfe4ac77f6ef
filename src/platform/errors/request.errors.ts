import { PublicError } from './public-error.js';

/** An invalid field of a request and what was expected. Never the value itself. */
export interface FieldProblem {
  /** Dotted path such as `lines.0.quantity`; empty for the whole body. */
  readonly field: string;
  readonly message: string;
}

/** Raised when a request does not match its route's schema. */
export class ValidationFailedError extends PublicError {
  constructor(readonly fields: readonly FieldProblem[]) {
    super('VALIDATION_FAILED', 'the request is not valid', { details: { errors: fields } });
  }
}

/** Raised when a resource does not exist for the request's tenant. */
export class NotFoundError extends PublicError {
  constructor(resource: string) {
    super('NOT_FOUND', `no such ${resource}`);
  }
}

/** Raised when a request conflicts with stored data: a duplicate of a unique value, or an outdated version. */
export class ConflictError extends PublicError {
  constructor(message: string) {
    super('CONFLICT', message);
  }
}
