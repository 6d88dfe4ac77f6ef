import { copiedTables } from '../../../database/copy/tables/copied-tables.js';
import { ensureGateObjects } from '../../../database/gates/gate-objects.js';
import {
  createWriteTriggers,
  disableWriteTriggers,
  dropDisabledTriggers,
} from '../../../database/gates/write-triggers.js';
import type { OpenPlace } from '../move-places.js';

export interface OpenGatesOptions {
  /** Whether the tenant's writes are noted, to be applied at the other place; else they only wait for the switch. */
  readonly isNoting: boolean;
}

/**
 * Whether the tenant was switched to the other place already: its database says so, where the catalog does not know it, because the
 * worker was killed in between, or because the catalog has lost its last changes. Rows may have been written there since.
 */
export async function isSwitched(from: OpenPlace, to: OpenPlace): Promise<boolean> {
  const left = await from.gate.state(); // `arriving`: the way back had begun as well
  return (left === 'closed' || left === 'arriving') && (await to.gate.state()) === 'open';
}

/**
 * Has the tenant's writes pass a gate at the place that it leaves, and prepares the other one for the way back. Each part can run
 * again. The gates come first: a trigger without a gate notes everything.
 */
export async function openGates(
  from: OpenPlace,
  to: OpenPlace,
  { isNoting }: OpenGatesOptions,
  signal: AbortSignal,
): Promise<void> {
  if (await isSwitched(from, to)) return;
  await ensureGateObjects(from.client);
  await ensureGateObjects(to.client);
  await to.gate.set('arriving');
  await from.gate.set('open');
  for (const { client, schema, place } of [from, to]) {
    const tables = (await copiedTables(client, schema))
      .flat()
      .map(({ name, key }) => ({ name, key: isNoting ? key : [] }));
    await createWriteTriggers(client, schema, place.tenantId, tables, { signal });
  }
}

/** Removes the triggers, the gate and what was noted at a place that remains. Triggers of tables that are always in use stay, disabled. */
export async function removeGate({ client, schema, place, gate }: OpenPlace, signal: AbortSignal): Promise<void> {
  await disableWriteTriggers(client, schema, place.tenantId, signal);
  await ensureGateObjects(client); // the move may not have come that far
  await gate.remove();
  await dropDisabledTriggers(client, schema, signal);
}
