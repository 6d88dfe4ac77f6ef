import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when tenant data is asked for outside `run(tenant, …)`. There is no default tenant. */
export class NoTenantContextError extends CodedError {
  readonly code = 'NO_TENANT_CONTEXT';

  constructor() {
    super('no tenant context: wrap the work in TenantContext.run(tenant, …)');
  }
}

/** Raised when a request has no credential, or one that does not verify. The reason is for the log, not the caller. */
export class UnauthenticatedError extends CodedError {
  readonly code = 'UNAUTHENTICATED';

  constructor(readonly reason: string) {
    super('a valid credential is needed: Authorization: Bearer <API key or token>');
  }
}

/** Raised when a credential of one kind is used where the other is needed. */
export class ForbiddenError extends CodedError {
  readonly code = 'FORBIDDEN';
}

/** Raised when host, path or header name another tenant than the credential belongs to. */
export class TenantMismatchError extends CodedError {
  readonly code = 'TENANT_MISMATCH';

  constructor(readonly selector: 'host' | 'path' | 'header') {
    super(`the ${selector} names another tenant than the credential belongs to`);
  }
}

/** Raised for every request of a suspended tenant. */
export class TenantSuspendedError extends CodedError {
  readonly code = 'TENANT_SUSPENDED';

  constructor() {
    super('this tenant is suspended');
  }
}

/** Raised while a tenant is being provisioned, moved, maintained, or cannot be reached. */
export class TenantUnavailableError extends CodedError {
  readonly code = 'TENANT_UNAVAILABLE';

  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, { ...options, retryAfterSeconds: 5 });
  }
}

/** Raised while a tenant's tables are older than this instance's code needs them. */
export class TenantTablesBehindError extends TenantUnavailableError {
  constructor() {
    super("this tenant's tables are being brought up to date");
  }
}

/** Raised for the work of a tenant that was removed meanwhile. */
export class TenantGoneError extends TenantUnavailableError {
  constructor() {
    super('this tenant does not exist any more');
  }
}

/** Raised when a tenant is named that the catalog does not know. */
export class UnknownTenantError extends CodedError {
  readonly code = 'NOT_FOUND';

  constructor(readonly slugOrId: string) {
    super('no such tenant');
  }
}
