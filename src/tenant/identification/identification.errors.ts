import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a request has no credential or an invalid one. The reason is for the log, not the caller. */
export class UnauthenticatedError extends CodedError {
  readonly code = 'UNAUTHENTICATED';

  constructor(readonly reason: string) {
    super('a valid credential is required: Authorization: Bearer <API key or token>');
  }
}

/** Raised when the host, path or header names a different tenant than the credential. */
export class TenantMismatchError extends CodedError {
  readonly code = 'TENANT_MISMATCH';

  constructor(readonly selector: 'host' | 'path' | 'header') {
    super(`the ${selector} names a different tenant than the credential`);
  }
}

/** Raised when the application's resolver names a tenant that does not exist. */
export class UnknownMembershipError extends CodedError {
  readonly code = 'FORBIDDEN';

  constructor() {
    super('the tenant of this caller does not exist');
  }
}
