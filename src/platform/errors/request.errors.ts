import { escapeUnprintable } from '../unprintable.js';
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

/** Characters of a name that an error repeats. */
const SHOWN_NAME = 64;

/** Raised when a resource does not exist for the request's tenant. */
export class NotFoundError extends PublicError {
  /** @param name as the caller has given it */
  constructor(resource: string, name?: string) {
    super('NOT_FOUND', name === undefined ? `no such ${resource}` : `no such ${resource}: ${shownName(name)}`);
  }
}

/** Quoted, without control characters, and no longer than a slug may be: callers may give anything. */
export function shownName(name: string): string {
  return escapeUnprintable(JSON.stringify(name.length > SHOWN_NAME ? `${name.slice(0, SHOWN_NAME)}…` : name));
}

/** Raised when a request conflicts with stored data: a duplicate of a unique value, or an outdated version. */
export class ConflictError extends PublicError {
  constructor(message: string) {
    super('CONFLICT', message);
  }
}

/** A constraint of a tenant's table that a statement has violated. */
export interface ViolatedConstraint {
  /** Undefined for `NOT NULL`. */
  readonly name: string | undefined;
  readonly table: string | undefined;
  /** Without `tenant_id`; empty when they are not known, as for a CHECK. */
  readonly columns: readonly string[];
}

/**
 * Raised on a tenant's route in place of PostgreSQL's error, which is the `cause`: 409 when values are taken or other rows
 * refer to this one, 400 when values refer to nothing or break a rule. Shows columns, never values.
 */
export class ConstraintViolationError extends PublicError {
  readonly columns: readonly string[];
  readonly fields?: readonly FieldProblem[];

  /** @param fields what is wrong with which fields of the request: for 400 only */
  constructor(
    readonly constraint: ViolatedConstraint,
    message: string,
    { cause, fields }: { readonly cause: unknown; readonly fields?: readonly FieldProblem[] },
  ) {
    const { columns } = constraint;
    super(fields ? 'VALIDATION_FAILED' : 'CONFLICT', message, {
      cause,
      details: { columns, ...(fields && { errors: fields }) },
    });
    this.columns = columns;
    if (fields) this.fields = fields;
  }
}
