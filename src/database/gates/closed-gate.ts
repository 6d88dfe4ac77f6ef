import pg from 'pg';
import { PublicError } from '../../platform/errors/public-error.js';

/** SQLSTATE that a closed gate raises. The statement, or the transaction that it would have begun, has had no effect. */
export const GATE_CLOSED = 'TNM01';

/** `serialization_failure`: a transaction with one snapshot for all of it met a gate that was changed after the snapshot. */
const SERIALIZATION_FAILURE = '40001';

/** Whether a statement was refused because the tenant's rows have moved, or are about to. */
export function isGateClosed(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === GATE_CLOSED;
}

/** The same for the beginning of a transaction, which may have its own snapshot already. */
export function isEntryRefused(error: unknown): boolean {
  return isGateClosed(error) || (error instanceof pg.DatabaseError && error.code === SERIALIZATION_FAILURE);
}

/** Raised when a statement waited for the end of a move until its deadline. */
export class TenantReadOnlyError extends PublicError {
  constructor(cause: unknown) {
    super('TENANT_READ_ONLY', 'this tenant is being moved, and a statement waited for that until its deadline', {
      cause,
      retryAfterSeconds: 1,
    });
  }
}

/** A session was not opened, because the tenant's rows have moved; nothing of its work has run. */
export class SessionRefusedError extends Error {
  constructor(override readonly cause: unknown) {
    super('the rows of this tenant have moved');
    this.name = new.target.name;
  }
}
