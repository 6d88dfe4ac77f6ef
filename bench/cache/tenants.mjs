import { TENANT } from '../../dist/tenant/directory/cached-kinds.js';

/** A new tenant object as the catalog returns it: the value that every cache here stores. */
export function tenant(n) {
  return {
    id: tenantId(n),
    slug: `tenant-${n}`,
    status: 'active',
    isolation: 'row',
    targetId: tenantId(0),
    schema: 'tenants',
    schemaVersion: null,
    migrationSet: null,
    limits: {},
    message: null,
    version: 1,
  };
}

export function tenantId(n) {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

TENANT.schema.parse(tenant(0)); // ours would reject an invalid tenant from Redis, which would falsify every result
