import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for every request of a suspended tenant. */
export class TenantSuspendedError extends CodedError {
  readonly code = 'TENANT_SUSPENDED';

  constructor() {
    super('this tenant is suspended');
  }
}

/** Raised while a tenant is being provisioned, moved or maintained, or cannot be reached. */
export class TenantUnavailableError extends CodedError {
  readonly code = 'TENANT_UNAVAILABLE';

  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, { ...options, retryAfterSeconds: 5 });
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
