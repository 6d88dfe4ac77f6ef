import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when tenant data is asked for outside `run(tenant, …)`. There is no default tenant. */
export class NoTenantContextError extends CodedError {
  readonly code = 'NO_TENANT_CONTEXT';

  constructor() {
    super('no tenant context: wrap the work in TenantContext.run(tenant, …)');
  }
}

/** Raised when a tenant is named that the catalog does not know. */
export class UnknownTenantError extends CodedError {
  readonly code = 'NOT_FOUND';

  constructor(readonly slugOrId: string) {
    super('no such tenant');
  }
}
