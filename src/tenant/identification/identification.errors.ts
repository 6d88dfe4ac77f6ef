import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when a request has no credential or an invalid one. The reason is for the log, not the caller. */
export class UnauthenticatedError extends PublicError {
  constructor(readonly reason: string) {
    super('UNAUTHENTICATED', 'a valid credential is required: Authorization: Bearer <API key or token>');
  }
}

/** Raised when an operator's session has expired, or was ended. Nothing is guessed with it, so that it is no refused attempt. */
export class OperatorSessionEndedError extends PublicError {
  constructor() {
    super('UNAUTHENTICATED', 'the session has ended: sign in again');
  }
}

/** Raised when the host, path or header names a different tenant than the credential. */
export class TenantMismatchError extends PublicError {
  constructor(readonly selector: 'host' | 'path' | 'header') {
    super('TENANT_MISMATCH', `the ${selector} names a different tenant than the credential`);
  }
}

/** Raised when the application's resolver names a tenant that does not exist. */
export class UnknownMembershipError extends PublicError {
  constructor() {
    super('FORBIDDEN', 'the tenant of this caller does not exist');
  }
}

/** Raised by a resolver whose caller may work for several tenants and has named none. */
export class TenantRequiredError extends PublicError {
  constructor() {
    super('TENANT_REQUIRED', 'choose a tenant: name it with the header X-Tenant-ID, or with its host');
  }
}

/** Raised for a cached route whose principal does not show which caller it is: another one could be served its response. */
export class UncacheablePrincipalError extends CodedError {
  readonly code = 'UNCACHEABLE_PRINCIPAL';

  /** @param path dotted, below `principal` */
  constructor(
    readonly path: string,
    problem: string,
  ) {
    super(
      `responses cannot be cached for this principal: ${path} ${problem}; return plain data from the resolver, or give it ` +
        'a toJSON() that says who the caller is',
      { publicMessage: 'responses cannot be cached for this caller' },
    );
  }
}
