import type { TenantView } from '../../admin/tenants/tenant.schemas.js';
import { labelsText } from '../../catalog/model/labels.js';
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
    ['wanted labels', tenant.placement && (labelsText(tenant.placement) || 'any server')],
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
