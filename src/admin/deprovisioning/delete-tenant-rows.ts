import type pg from 'pg';
import { removeTenantRows, type RowRemovalOptions } from '../../database/copy/remove-tenant-rows.js';
import { assertTenantId, assertTenantTables } from './droppable-names.js';

export interface RowDeletionOptions extends RowRemovalOptions {
  /** The schema of the target whose tables were adopted. */
  readonly adoptedSchema?: string | null;
}

/**
 * Deletes one tenant's rows for good, as `removeTenantRows` does.
 *
 * @param client connected as the owner of the tables, not in a transaction
 * @returns the number of deleted rows, without those deleted by foreign keys and triggers
 * @throws DeprovisioningRejectedError (not a tenant's id or schema), RowsLeftError, the signal's reason
 */
export async function deleteTenantRows(
  client: pg.ClientBase,
  schema: string,
  tenantId: string,
  { adoptedSchema, ...options }: RowDeletionOptions = {},
): Promise<number> {
  assertTenantId(tenantId);
  assertTenantTables(schema, adoptedSchema);
  return removeTenantRows(client, schema, tenantId, options);
}
