import { isLostConnection } from './lost-connection.js';
import { CodedError } from '../errors/coded-error.js';

/** A failure, in terms that callers may see. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** The part of an error that callers may see; the full error is logged. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CodedError) return { code: error.code, message: error.publicMessage };
  if (isLostConnection(error)) return { code: 'DATABASE_UNAVAILABLE', message: 'a database connection was lost' };
  return { code: 'INTERNAL_ERROR', message: 'internal error: see the log of the instance' };
}
