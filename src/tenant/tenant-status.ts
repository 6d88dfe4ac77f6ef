import type { Tenant } from '../catalog/tenant.js';
import { TenantSuspendedError, TenantUnavailableError } from './tenant.errors.js';

/** @throws TenantSuspendedError, TenantUnavailableError unless the tenant is served at the moment */
export function assertServed(tenant: Tenant): void {
  switch (tenant.status) {
    case 'active':
      return;
    case 'suspended':
      throw new TenantSuspendedError();
    case 'maintenance':
      throw new TenantUnavailableError(tenant.message ?? 'this tenant is under maintenance');
    case 'provisioning':
    case 'moving':
    case 'deleting':
    case 'failed':
      throw new TenantUnavailableError(`this tenant is not served: ${tenant.status}`);
  }
}
