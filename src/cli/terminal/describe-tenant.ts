import type { TenantView } from '../../admin/tenants/tenant.schemas.js';
import { describeLimits } from './limit-options.js';
import { keyValues } from './table.js';

export function describeTenant(tenant: TenantView): string[] {
  return keyValues([
    ['slug', tenant.slug],
    ['id', tenant.id],
    ['status', tenant.status],
    ['message', tenant.message],
    ['isolation', tenant.isolation],
    ['server', tenant.server],
    ['database', tenant.database],
    ['schema', tenant.schema],
    ['migrated to', tenant.schemaVersion],
    ['plan', tenant.plan],
    ...describeLimits(tenant.limits),
    ['domains', tenant.domains.join(', ')],
    ['created', tenant.createdAt],
    ['changed', tenant.updatedAt],
  ]);
}
