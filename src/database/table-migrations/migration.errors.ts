import pg from 'pg';
import { CodedError } from '../../platform/errors/coded-error.js';

/**
 * Raised when a migration fails. Earlier migrations stay recorded, and its own transaction is rolled back; a migration that
 * runs without a transaction may leave the effects of its first statements behind.
 */
export class MigrationFailedError extends CodedError {
  readonly code = 'MIGRATION_FAILED';
  /** Undefined when the error did not come from PostgreSQL. */
  readonly sqlState: string | undefined;
  /** PostgreSQL's own message. It may quote values of rows, so it is not part of this error's message. */
  readonly postgresMessage: string | undefined;

  constructor(
    /** Undefined when the run failed before the first one: the schema is missing, or a migration's name is invalid. */
    readonly migration: string | undefined,
    cause: unknown,
  ) {
    const databaseError = cause instanceof pg.DatabaseError ? cause : undefined;
    const state = databaseError?.code === undefined ? '' : ` (SQLSTATE ${databaseError.code})`;
    super(`${subject(migration)} failed${state}`, { cause });
    this.sqlState = databaseError?.code;
    this.postgresMessage = databaseError?.message;
  }
}

/** Raised when a migration did not get its locks in any of its attempts, because its tables were in use. */
export class MigrationLockedError extends CodedError {
  readonly code = 'MIGRATION_LOCKED';

  constructor(
    readonly migration: string | undefined,
    /** 55P03: the lock timeout expired; 40P01: a deadlock with another transaction. */
    readonly sqlState: string,
    cause: unknown,
  ) {
    super(`${subject(migration)} did not get its locks: the tables are in use (SQLSTATE ${sqlState})`, { cause });
  }
}

/** Raised when the schema does not record migrations that should have run. */
export class MigrationNotRecordedError extends CodedError {
  readonly code = 'MIGRATION_NOT_RECORDED';

  constructor(readonly missing: readonly string[]) {
    super(`these migrations are not recorded after the run: ${missing.join(', ')}`);
  }
}

/** Raised when a migration ends with an open transaction, which would never be committed. */
export class OpenTransactionError extends CodedError {
  readonly code = 'MIGRATION_LEFT_TRANSACTION';

  constructor() {
    super('the migration left a transaction open');
  }
}

function subject(migration: string | undefined): string {
  return migration === undefined ? 'preparing to migrate' : `migration ${migration}`;
}
