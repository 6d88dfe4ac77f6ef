import { PublicError } from '../../platform/errors/public-error.js';
import type { Caller } from '../identification/caller.js';
import { UnauthenticatedError } from '../identification/identification.errors.js';

/** Statuses that a caller with the same credential goes on receiving. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/**
 * Why a caller is not served any more, when waiting changes nothing: a revoked key, an expired token, a suspended tenant. Undefined
 * for a caller that is served, and while the tenant or the catalog is unavailable.
 *
 * @param tenantId the tenant that the call was opened for: a resolver may say another one later
 */
export function finalRejectionOf(caller: Caller, tenantId?: string): unknown {
  if (caller.kind === 'anonymous') return new UnauthenticatedError('no credential');
  if (tenantId !== undefined && caller.kind === 'tenant' && caller.tenant.id !== tenantId)
    return new UnauthenticatedError('the caller works for another tenant now');
  const rejection = 'rejection' in caller ? caller.rejection : undefined;
  return rejection instanceof PublicError && FINAL_STATUSES.has(rejection.getStatus()) ? rejection : undefined;
}
