import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a request has no credential, or one that does not verify. The reason is for the log, not the caller. */
export class UnauthenticatedError extends CodedError {
  readonly code = 'UNAUTHENTICATED';

  constructor(readonly reason: string) {
    super('a valid credential is needed: Authorization: Bearer <API key or token>');
  }
}

/** Raised when host, path or header name another tenant than the credential belongs to. */
export class TenantMismatchError extends CodedError {
  readonly code = 'TENANT_MISMATCH';

  constructor(readonly selector: 'host' | 'path' | 'header') {
    super(`the ${selector} names another tenant than the credential belongs to`);
  }
}
