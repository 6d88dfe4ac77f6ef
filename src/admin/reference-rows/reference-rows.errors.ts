import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a set of tables has no reference table of that name: a migration is missing there. */
export class ReferenceTableMissingError extends CodedError {
  readonly code = 'REFERENCE_TABLE_MISSING';

  constructor(readonly table: string) {
    super(`there is no reference table ${table} (createReferenceTable makes one): run the migrations first`);
  }
}

/** Raised when the rows of a table were in use at every attempt. Nothing was changed. */
export class ReferenceTableLockedError extends CodedError {
  readonly code = 'REFERENCE_TABLE_LOCKED';

  constructor(table: string, cause: unknown) {
    super(`the rows of ${table} could not be locked: transactions of tenants use them`, { cause });
  }
}

/** Raised when PostgreSQL refuses the rows of a version in a set of tables, which keeps the version that it has. */
export class ReferenceRowsRefusedError extends CodedError {
  readonly code = 'REFERENCE_ROWS_REFUSED';

  constructor(
    reason: string,
    /** The tenants whose rows refer to rows that the version lacks, at most 1,000. */
    readonly tenantIds: readonly string[],
    cause: unknown,
  ) {
    super(reason, { cause });
  }
}
