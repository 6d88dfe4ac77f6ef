import { SHARED_SCHEMA } from '../../catalog/provided-database.js';
import { isUuid } from '../../platform/uuid.js';
import { DEDICATED_SCHEMA } from '../provisioning/names.js';
import { DeprovisioningRejectedError } from './deprovisioning.errors.js';

/**
 * Names made by `names.ts` end with the tenant's id, or with a hash if they were truncated. Those of former versions, which
 * tenants keep, end with the first characters of the id.
 */
const OWN_SCHEMA = /^t_([0-9a-f]{32}|[a-z0-9_]{1,52}_[0-9a-f]{8})$/;
const OWN_DATABASE = /^[a-z0-9_]{1,54}_([0-9a-f]{32}|[0-9a-f]{8})$/;

/** @throws DeprovisioningRejectedError */
export function assertTenantId(tenantId: string): void {
  if (!isUuid(tenantId)) throw new DeprovisioningRejectedError('not the id of a tenant');
}

/**
 * Accepts schemas that contain tenant tables. `public`, where the catalog has tables with a `tenant_id` too, only as the one whose
 * tables were adopted.
 *
 * @throws DeprovisioningRejectedError
 */
export function assertTenantTables(schema: string, adoptedSchema: string | null = null): void {
  if (schema !== SHARED_SCHEMA && schema !== adoptedSchema && !isOwnSchema(schema)) {
    throw new DeprovisioningRejectedError('the schema does not contain tenant tables');
  }
}

/** @throws DeprovisioningRejectedError */
export function assertOwnSchema(schema: string): void {
  if (!isOwnSchema(schema)) throw new DeprovisioningRejectedError('not the schema of a single tenant');
}

/** @throws DeprovisioningRejectedError */
export function assertOwnDatabase(database: string): void {
  if (!OWN_DATABASE.test(database) || database.startsWith('pg_')) {
    throw new DeprovisioningRejectedError('not the database of a single tenant');
  }
}

function isOwnSchema(schema: string): boolean {
  return schema === DEDICATED_SCHEMA || OWN_SCHEMA.test(schema);
}
