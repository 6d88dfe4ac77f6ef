import pg from 'pg';
import { CodedError } from '../../platform/errors/coded-error.js';

/**
 * Raised when a migration failed. Those before it stay recorded, and what it did in its transaction is undone; one that
 * asked for no transaction may have left what its first statements did.
 */
export class MigrationFailedError extends CodedError {
  readonly code = 'MIGRATION_FAILED';
  /** Undefined when it was not PostgreSQL that refused. */
  readonly sqlState: string | undefined;
  /** PostgreSQL's own words. They may quote values of rows, so they are no part of the message. */
  readonly postgresMessage: string | undefined;

  constructor(
    /** Undefined when it failed before the first one: the schema is missing, or a migration's name is wrong. */
    readonly migration: string | undefined,
    cause: unknown,
  ) {
    const refusal = cause instanceof pg.DatabaseError ? cause : undefined;
    const state = refusal?.code === undefined ? '' : ` (SQLSTATE ${refusal.code})`;
    super(`${migration === undefined ? 'preparing to migrate' : `migration ${migration}`} failed${state}`, { cause });
    this.sqlState = refusal?.code;
    this.postgresMessage = refusal?.message;
  }
}

/** Raised when a migration gave way to the users of its tables again and again, and was never let through. */
export class MigrationLockedError extends CodedError {
  readonly code = 'MIGRATION_LOCKED';

  constructor(
    readonly migration: string | undefined,
    /** 55P03: it waited for a lock for too long; 40P01: for someone who waited for it. */
    readonly sqlState: string,
    cause: unknown,
  ) {
    super(
      `${migration ?? 'preparing to migrate'} did not get its locks: the tables are in use (SQLSTATE ${sqlState})`,
      {
        cause,
      },
    );
  }
}

/** Raised when migrations that should have run by now are not recorded. */
export class MigrationNotRecordedError extends CodedError {
  readonly code = 'MIGRATION_NOT_RECORDED';

  constructor(readonly missing: readonly string[]) {
    super(`these migrations are not recorded after the run: ${missing.join(', ')}`);
  }
}

/** Raised when a migration ends with a transaction open that nobody will commit. */
export class OpenTransactionError extends CodedError {
  readonly code = 'MIGRATION_LEFT_TRANSACTION';

  constructor() {
    super('the migration left a transaction open');
  }
}
