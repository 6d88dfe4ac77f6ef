import { copiedTables } from '../../../src/database/copy/tables/copied-tables.js';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';
import { ensureGateObjects } from '../../../src/database/gates/gate-objects.js';
import { TenantGate } from '../../../src/database/gates/tenant-gate.js';
import { createWriteTriggers } from '../../../src/database/gates/write-triggers.js';
import { ensureIsolationFunctions } from '../../../src/database/isolation/isolation-functions.js';

/** From now on, the keys of the tenant's rows that change at the place are noted. */
export async function noteChanges({ client, schema }: CopyPlace, tenantId: string): Promise<void> {
  await ensureIsolationFunctions(client);
  await ensureGateObjects(client);
  await new TenantGate(client, tenantId, schema).set('open');
  const tables = (await copiedTables(client, schema)).flat();
  await createWriteTriggers(client, schema, tenantId, tables, { signal: new AbortController().signal });
}

export function notedChanges({ client, schema }: CopyPlace, tenantId: string): Promise<number> {
  return new TenantGate(client, tenantId, schema).changes();
}
