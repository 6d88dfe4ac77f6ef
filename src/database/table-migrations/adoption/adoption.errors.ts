import { CodedError } from '../../../platform/errors/coded-error.js';

/** Raised when rows have no tenant, so that `tenant_id` stays empty. */
export class TenantlessRowsError extends CodedError {
  readonly code = 'TENANTLESS_ROWS';

  constructor(
    readonly table: string,
    readonly rows: number,
  ) {
    super(`${rows} rows of ${table} have no tenant: give them one or delete them, and run this again`);
  }
}

/** Raised when a table could not be locked at any attempt, because it was in use. What is done stays done. */
export class AdoptionLockedError extends CodedError {
  readonly code = 'ADOPTION_LOCKED';

  constructor(step: string, cause: unknown) {
    super(
      `${step} did not get its locks: the table is in use by long transactions. Run this again: it continues there`,
      {
        cause,
      },
    );
  }
}

/** Raised when a step of an adoption fails for another reason than its locks. What is done stays done. */
export class AdoptionStepError extends CodedError {
  readonly code = 'ADOPTION_STEP';

  constructor(step: string, reason: string, cause: unknown) {
    super(`${step} failed: ${reason}`, { cause });
  }
}

/** Raised when an adoption is not in the state that a command needs. */
export class AdoptionStateError extends CodedError {
  readonly code = 'ADOPTION_STATE';
}

/** Raised by a migration for a table that exists and is not adopted, or not as the migration describes it. */
export class TableNotAdoptedError extends CodedError {
  readonly code = 'TABLE_NOT_ADOPTED';

  constructor(
    readonly table: string,
    reason: string,
  ) {
    super(`table ${table} exists and ${reason}. Adopt it first: tenantry adopt, tenantry adopt run`);
  }
}
