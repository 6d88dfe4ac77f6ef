import { DEDICATED_SCHEMA, SHARED_SCHEMA } from '../provisioning/names.js';
import { DeprovisioningRefusedError } from './deprovisioning.errors.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What `names.ts` ends a tenant's own schema and database with: the beginning of its id, or a hash of what was cut. */
const OWN_SCHEMA = /^t_[a-z0-9_]{1,52}_[0-9a-f]{8}$/;
const OWN_DATABASE = /^[a-z0-9_]{1,54}_[0-9a-f]{8}$/;

/** @throws RemovalRefusedError */
export function assertTenantId(tenantId: string): void {
  if (!UUID.test(tenantId)) throw new DeprovisioningRefusedError('the id is not one of a tenant');
}

/**
 * A schema that rows of tenants are deleted from. Never `public`, where the catalog has tables with a `tenant_id`, too.
 *
 * @throws RemovalRefusedError
 */
export function assertTenantTables(schema: string): void {
  if (schema !== SHARED_SCHEMA && !isOwnSchema(schema)) {
    throw new DeprovisioningRefusedError('the schema is not one that tenants have their tables in');
  }
}

/** @throws RemovalRefusedError */
export function assertOwnSchema(schema: string): void {
  if (!isOwnSchema(schema)) throw new DeprovisioningRefusedError("the schema is not one tenant's own");
}

/** @throws RemovalRefusedError */
export function assertOwnDatabase(database: string): void {
  if (!OWN_DATABASE.test(database) || database.startsWith('pg_')) {
    throw new DeprovisioningRefusedError("the database is not one tenant's own");
  }
}

function isOwnSchema(schema: string): boolean {
  return schema === DEDICATED_SCHEMA || OWN_SCHEMA.test(schema);
}
