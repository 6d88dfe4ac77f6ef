import { escapeIdentifier } from 'pg';
import type { AdoptionStep } from './adoption-step.js';
import { type AdoptedPlace, columnSteps } from './column-steps.js';
import type { InspectedTable } from './inspection/inspected-tables.js';
import { foreignKeySteps, keySteps } from './key-steps.js';
import { policyStep } from './policy-steps.js';
import type { TenantOrigin } from './inspection/tenant-keys.js';

/**
 * All steps for a schema's tables, in order: first every row of every table has its tenant, parents first; then keys and indexes;
 * then foreign keys, which need them; policies last, so that nothing changes for the existing application until all is there.
 */
export function adoptionSteps(
  tables: readonly InspectedTable[],
  origins: ReadonlyMap<string, TenantOrigin>,
  place: AdoptedPlace,
): AdoptionStep[] {
  const adopted = [...origins.keys()].flatMap((name) => tables.find((table) => table.name === name) ?? []);
  const names = new Set(origins.keys());
  const taken = new Set(
    tables.flatMap(({ name, indexes }) => [name, ...indexes.map((index) => index.name)].map(escapeIdentifier)),
  );
  const originOf = ({ name }: InspectedTable): TenantOrigin => origins.get(name)!;
  return [
    ...adopted.flatMap((table) => columnSteps(table, originOf(table), place)),
    ...adopted.flatMap((table) => keySteps(table, originOf(table), place.schema, taken)),
    ...adopted.flatMap((table) => foreignKeySteps(table, names, place.schema)),
    ...adopted.map((table) => policyStep(table, originOf(table), place.schema)),
  ];
}
