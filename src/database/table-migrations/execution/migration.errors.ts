import pg from 'pg';
import { CodedError } from '../../../platform/errors/coded-error.js';

/** Classes of errors about the migration's own SQL: unknown or existing names, syntax, rights. Others may quote rows. */
const ABOUT_CODE = /^(?:42|0A|2B|3F)/;

/**
 * Raised when a migration fails. Earlier migrations stay recorded, and its own transaction is rolled back; a migration that
 * runs without a transaction may leave the effects of its first statements behind.
 */
export class MigrationFailedError extends CodedError {
  readonly code = 'MIGRATION_FAILED';
  /** Undefined when the error did not come from PostgreSQL. */
  readonly sqlState: string | undefined;
  /** PostgreSQL's own message. It is part of this error's message only if it cannot quote values of rows. */
  readonly postgresMessage: string | undefined;

  constructor(
    /** Undefined when the run failed before the first one: the schema is missing, or a migration's name is invalid. */
    readonly migration: string | undefined,
    cause: unknown,
  ) {
    const databaseError = cause instanceof pg.DatabaseError ? cause : undefined;
    super(`${subject(migration)} failed${reasonFrom(databaseError)}`, { cause });
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

function reasonFrom(error: pg.DatabaseError | undefined): string {
  if (error?.code === undefined) return '';
  return ` (SQLSTATE ${error.code}${ABOUT_CODE.test(error.code) ? `: ${error.message}` : ''})`;
}

function subject(migration: string | undefined): string {
  return migration === undefined ? 'preparing to migrate' : `migration ${migration}`;
}
