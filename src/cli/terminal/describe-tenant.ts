import type { TenantView } from '../../admin/tenants/tenant.schemas.js';
import { facts } from './table.js';

export function describeTenant(tenant: TenantView): string[] {
  return facts([
    ['slug', tenant.slug],
    ['id', tenant.id],
    ['status', tenant.status],
    ['message', tenant.message],
    ['isolation', tenant.isolation],
    ['server', tenant.server],
    ['database', tenant.database],
    ['schema', tenant.schema],
    ['migrated to', tenant.schemaVersion],
    ['statements at once', tenant.limits.maxConcurrentStatements ?? 'default'],
    ['statements waiting', tenant.limits.maxQueuedStatements ?? 'default'],
    ['domains', tenant.domains.join(', ')],
    ['created', tenant.createdAt],
    ['changed', tenant.updatedAt],
  ]);
}
