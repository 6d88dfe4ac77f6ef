import type { TenantView } from '../../admin/tenants/tenant.schemas.js';
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
    ['max concurrent statements', tenant.limits.maxConcurrentStatements ?? 'default'],
    ['max queued statements', tenant.limits.maxQueuedStatements ?? 'default'],
    ['domains', tenant.domains.join(', ')],
    ['created', tenant.createdAt],
    ['changed', tenant.updatedAt],
  ]);
}
