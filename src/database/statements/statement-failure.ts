import pg from 'pg';
import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';
import { isLostConnection, isMovedShard } from '../../platform/postgres/lost-connection.js';

/** PostgreSQL's `query_canceled`. */
const CANCELED = '57014';

/** Raised when a statement ran for longer than its `statement_timeout`, by default `DB_STATEMENT_TIMEOUT`. */
export class StatementTimeoutError extends PublicError {
  constructor(cause: unknown) {
    super('STATEMENT_TIMEOUT', 'a database statement exceeded its time limit', { cause, retryAfterSeconds: 1 });
  }
}

/** Whether the client gave up waiting: the server took longer than its own limit, and a margin. */
export function isReadTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** Raised when the connection broke, or the server could not go on, while a statement was running. */
export class ConnectionLostError extends PublicError {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : 'unknown';
    super('TENANT_UNAVAILABLE', `the connection to this tenant's database was lost: ${reason}`, {
      cause,
      retryAfterSeconds: 1,
      publicMessage: "this tenant's database is unavailable",
    });
  }
}

/** Converts the error of a failed statement to one with a code; undefined when PostgreSQL rejected the statement. */
export function toCodedError(error: unknown): CodedError | undefined {
  if (error instanceof CodedError) return error;
  if (error instanceof pg.DatabaseError && error.code === CANCELED) return new StatementTimeoutError(error);
  return isLostConnection(error) ? new ConnectionLostError(error) : undefined;
}

/** Gives the errors of a connection that was lost or does not answer, which have no code, their own; others stay. */
export function codedLoss(error: unknown): unknown {
  if (isReadTimeout(error)) return new StatementTimeoutError(error);
  return error instanceof pg.DatabaseError ? error : (toCodedError(error) ?? error);
}

/**
 * Whether a statement certainly had no effect because its connection was dead: node-postgres did not send it, or the
 * server's first and only message ended the connection, which excludes a commit; or because its shard of Citus has moved.
 *
 * A socket that broke without a message does not count: the statement may have run.
 */
export function neverTookEffect(error: unknown, hasExecuted: boolean): boolean {
  if (hasExecuted) return false;
  if (isMovedShard(error)) return true;
  // PostgreSQL names the routine that raised the error. A pooler does not: it saw a connection end, not what ran on it.
  if (error instanceof pg.DatabaseError) return error.severity === 'FATAL' && error.routine !== undefined;
  return error instanceof Error && /not queryable/.test(error.message);
}
