import { TENANT } from '../../dist/tenant/directory/cached-kinds.js';

/** A tenant as the catalog describes it, made anew each time: what every cache here holds. */
export function tenant(n) {
  return {
    id: tenantId(n),
    slug: `tenant-${n}`,
    status: 'active',
    isolation: 'row',
    targetId: tenantId(0),
    schema: 'tenants',
    schemaVersion: null,
    limits: {},
    message: null,
    version: 1,
  };
}

export function tenantId(n) {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

TENANT.schema.parse(tenant(0)); // what does not look like a tenant would not be taken from Redis, and spoil every figure
