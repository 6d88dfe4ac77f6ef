import { PublicError } from '../../platform/errors/public-error.js';

/** Raised for every request of a suspended tenant. */
export class TenantSuspendedError extends PublicError {
  constructor() {
    super('TENANT_SUSPENDED', 'this tenant is suspended');
  }
}

/** Raised while a tenant is being provisioned, moved or maintained, or cannot be reached. */
export class TenantUnavailableError extends PublicError {
  constructor(detail: string, options?: { cause?: unknown }) {
    super('TENANT_UNAVAILABLE', detail, { ...options, retryAfterSeconds: 5 });
  }
}

/** Raised while a tenant's tables are older than this instance's code requires. */
export class TenantTablesBehindError extends TenantUnavailableError {
  constructor() {
    super("this tenant's tables are being brought up to date");
  }
}

/** Raised for work in progress of a tenant that has been deleted. */
export class TenantGoneError extends TenantUnavailableError {
  constructor() {
    super('this tenant no longer exists');
  }
}
