import pg from 'pg';
import type { Isolation } from '../../catalog/model/tenant.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when a tenant needs what the owner of the server has no right to create. */
export class MissingServerRightsError extends PublicError {
  /** @param subject what needs the rights */
  constructor(
    subject: `isolation ${Isolation}` | 'a new database' | 'a new login role' | 'a new schema',
    readonly missing: readonly string[],
    cause?: unknown,
  ) {
    super('MISSING_SERVER_RIGHTS', `${subject} needs an owner with ${missing.join(' and ')} on this server`, { cause });
  }
}

/** Raised when a tenant's rows are to be brought to tables of another version; nothing was begun. */
export class MigrationRequiredError extends PublicError {
  constructor(reason: string) {
    super('MIGRATION_REQUIRED', reason);
  }
}

/** Raised when the owner is no member of a provided login role, whose sessions it must observe. */
export class MissingMembershipError extends CodedError {
  readonly code = 'MISSING_MEMBERSHIP';

  constructor(role: string, owner: string, cause: unknown) {
    const grant = `GRANT ${pg.escapeIdentifier(role)} TO ${pg.escapeIdentifier(owner)}`;
    super(`the owner must be a member of the login role: ${grant}`, { cause });
  }
}

/** Raised at the end of an operation that could not provision all of its tenants. A retry provisions the others. */
export class ProvisioningIncompleteError extends CodedError {
  readonly code = 'PROVISIONING_INCOMPLETE';

  constructor(
    readonly provisioned: number,
    readonly failed: number,
  ) {
    super(`${provisioned} of ${provisioned + failed} tenants provisioned, ${failed} failed`);
  }
}
