import { CodedError } from '../../platform/errors/coded-error.js';
import type { TenantResults } from './tenant-results.js';

/** Raised where work over many tenants is called for within one tenant's context: that tenant's request must reach no other. */
export class WithinTenantContextError extends CodedError {
  readonly code = 'WITHIN_TENANT_CONTEXT';

  constructor(method: string) {
    super(
      `${method}() was called within a tenant's context: call it in a script, a job or a @ControlPlane() route, outside of run(tenant, …)`,
      { publicMessage: 'work over many tenants was called for within one' },
    );
  }
}

/** Raised when a filter of tenants, or an option of work over them, is not valid. Nothing has run. */
export class InvalidFleetInputError extends CodedError {
  readonly code = 'INVALID_FLEET_INPUT';
}

/** Raised when a report across tenants has more rows than it may. */
export class TooManyRowsError extends CodedError {
  readonly code = 'TOO_MANY_ROWS';

  constructor(
    readonly maxRows: number,
    of: string,
  ) {
    super(`the report has more than ${maxRows} rows of ${of}: aggregate them in the statement, or narrow the filter`);
  }
}

/** Raised when the catalog could not be read for further tenants. What was done until then is in `results`. */
export class TenantListError extends CodedError {
  readonly code = 'TENANT_LIST_UNAVAILABLE';

  constructor(
    readonly results: TenantResults<unknown>,
    cause: unknown,
  ) {
    super(
      `the list of tenants could not be read further: ${results.done} are done, ${results.failed} have failed; the rest was not begun`,
      { cause },
    );
  }
}
