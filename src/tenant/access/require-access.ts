import type { Caller } from '../identification/caller.js';
import { UnauthenticatedError } from '../identification/identification.errors.js';
import type { Access } from './access.js';
import { ForbiddenError } from './access.errors.js';

/**
 * An operator's role and tenants are `OperatorAuthorization`'s to decide about.
 *
 * @throws UnauthenticatedError, ForbiddenError, or the reason why the caller's tenant is not served
 */
export function requireAccess(access: Access, caller: Caller): void {
  if (access === 'public') return;
  if (caller.kind === 'anonymous') throw new UnauthenticatedError('no credential');
  if (caller.kind === 'refused') throw caller.rejection;
  if (access === 'control-plane') requireOperator(caller.kind);
  else requireTenant(caller);
}

function requireOperator(kind: 'operator' | 'tenant'): void {
  if (kind !== 'operator') throw new ForbiddenError("this is a control-plane route: it requires an operator's key");
}

function requireTenant(caller: Extract<Caller, { kind: 'operator' | 'tenant' }>): void {
  if (caller.kind === 'operator') throw new ForbiddenError("this is a tenant route: it requires a tenant's credential");
  if (!caller.scope) throw caller.rejection;
}
