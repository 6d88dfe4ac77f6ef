import type { Isolation } from '../../catalog/model/tenant.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when a tenant is requested for which the owner of the server lacks rights. */
export class MissingServerRightsError extends PublicError {
  constructor(
    isolation: Isolation,
    readonly missing: readonly string[],
  ) {
    super(
      'MISSING_SERVER_RIGHTS',
      `isolation ${isolation} needs an owner with ${missing.join(' and ')} on this server`,
    );
  }
}

/** Raised when the owner is no member of a provided login role, whose sessions it must observe. */
export class MissingMembershipError extends CodedError {
  readonly code = 'MISSING_MEMBERSHIP';

  constructor(role: string, owner: string, cause: unknown) {
    super(`the owner must be a member of the login role: GRANT "${role}" TO "${owner}"`, { cause });
  }
}
