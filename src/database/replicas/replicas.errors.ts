import { CodedError } from '../../platform/errors/coded-error.js';

/** PostgreSQL's `read_only_sql_transaction`. */
const READ_ONLY_TRANSACTION = '25006';

/** Raised when something writes under `@ReadFromReplica()`, or within `TenantConnectionService.replica`. Nothing was written. */
export class ReplicaReadOnlyError extends CodedError {
  readonly code = 'REPLICA_READ_ONLY';

  constructor(what: string, cause?: unknown) {
    super(
      `${what} writes, or may write, where only reads are allowed: take it out of @ReadFromReplica() or TenantConnectionService.replica`,
      { cause },
    );
  }
}

/** Raised when `maxStalenessMs` is not a number of milliseconds within the limits. */
export class InvalidStalenessError extends CodedError {
  readonly code = 'INVALID_STALENESS';

  constructor(least: number, most: number) {
    super(`maxStalenessMs must be a number from ${least} to ${most}`);
  }
}

/** The replica did not answer the questions that are asked all the time; what was sent to it is sent to the primary. */
export class ReplicaAwayError extends CodedError {
  readonly code = 'REPLICA_AWAY';
}

/** A refused write as a `ReplicaReadOnlyError`; any other error as it is. */
export function refusedWrite(error: unknown): unknown {
  const isRefusal = (error as { code?: unknown } | undefined)?.code === READ_ONLY_TRANSACTION;
  return isRefusal ? new ReplicaReadOnlyError('a statement', error) : error;
}
