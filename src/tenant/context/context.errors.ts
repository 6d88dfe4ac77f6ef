import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';
import { shownName } from '../../platform/errors/request.errors.js';

/** Raised when tenant data is accessed outside `run(tenant, …)`. There is no default tenant. */
export class NoTenantContextError extends CodedError {
  readonly code = 'NO_TENANT_CONTEXT';

  constructor() {
    super(
      'no tenant context: put @TenantScoped() on the route, or wrap the work in TenantConnectionService.run(tenant, …)',
    );
  }
}

/** Raised for a slug or id that is not in the catalog. */
export class UnknownTenantError extends PublicError {
  constructor(readonly slugOrId: string) {
    super('NOT_FOUND', `no such tenant: ${shownName(slugOrId)}`, { publicMessage: 'no such tenant' });
  }
}
