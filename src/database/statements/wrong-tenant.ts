import { currentContext } from '../../platform/context.js';
import { CodedError } from '../../platform/errors/coded-error.js';

declare module '../../platform/context.js' {
  interface CallContext {
    /** The tenant that the call works for; undefined outside a tenant context. */
    readonly tenantId?: string | undefined;
  }
}

/** Raised when a tenant's data source, query runner, session or entity is used for another tenant. */
export class WrongTenantError extends CodedError {
  readonly code = 'WRONG_TENANT';

  constructor(
    message: string,
    /** The tenant that the object belongs to. */
    readonly ownerId: string,
    /** The tenant that it was used for. */
    readonly userId: string,
  ) {
    // Shows clients nothing of the other tenant.
    super(message, { publicMessage: 'an object of another tenant was used; nothing was sent to the database' });
  }
}

/**
 * Checks, before anything is sent, that a statement of a tenant's data source is part of that tenant's call: a manager,
 * query builder or data loader kept from an earlier call would go on reading and writing for the earlier tenant. Outside
 * a tenant context, in jobs and scripts, any tenant's data source may be used.
 *
 * @throws WrongTenantError
 */
export function assertOwnCall(ownerId: string): void {
  const userId = currentContext()?.tenantId;
  if (userId === undefined || userId === ownerId) return;
  throw new WrongTenantError(
    `a data source, manager, query runner or session of tenant ${ownerId} was used in a call for tenant ${userId}: take it from the current context, or wrap the work in TenantConnectionService.run(tenant, …)`,
    ownerId,
    userId,
  );
}
