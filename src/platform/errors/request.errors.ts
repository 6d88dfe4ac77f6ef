import { CodedError } from './coded-error.js';

/** One field of a request that did not pass, and what was expected there. Never the value itself. */
export interface FieldProblem {
  /** Dotted path: `lines.0.quantity`; empty for the body as a whole. */
  readonly field: string;
  readonly message: string;
}

/** Raised when a request does not have the shape its route asks for. */
export class ValidationFailedError extends CodedError {
  readonly code = 'VALIDATION_FAILED';

  constructor(readonly fields: readonly FieldProblem[]) {
    super('the request is not valid');
  }
}

/** Raised when what a request names does not exist for its tenant. */
export class NotFoundError extends CodedError {
  readonly code = 'NOT_FOUND';

  constructor(what: string) {
    super(`no such ${what}`);
  }
}

/** Raised when a request contradicts what is stored: a value that must be unique, or a version that has moved on. */
export class ConflictError extends CodedError {
  readonly code = 'CONFLICT';
}
