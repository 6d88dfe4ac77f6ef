import {
  attention,
  type AdoptionFinding,
} from '../../database/table-migrations/adoption/inspection/adoption-finding.js';
import type { InspectedTable } from '../../database/table-migrations/adoption/inspection/inspected-tables.js';
import type { AdoptionStep } from '../../database/table-migrations/adoption/adoption-step.js';
import type { SchemaPlan } from '../../database/table-migrations/adoption/plan-schema.js';
import type { AdoptedPlaceOfTenants } from './adopted-places.js';

/** A place, and what adopting it takes. */
export interface PlannedPlace extends AdoptedPlaceOfTenants {
  readonly plan: SchemaPlan;
  readonly steps: readonly AdoptionStep[];
}

/**
 * In which tables places differ from the first one, of which the migration is made: the tables of all tenants are migrated by the
 * same migrations from then on.
 */
export function differencesOf(
  places: readonly PlannedPlace[],
): readonly (AdoptionFinding & { readonly places: readonly string[] })[] {
  const [first, ...others] = places;
  if (!first) return [];
  const wanted = shapesOf(first);
  return others.flatMap((place) => {
    const found = shapesOf(place);
    const names = [...new Set([...wanted.keys(), ...found.keys()])].filter(
      (name) => wanted.get(name) !== found.get(name),
    );
    const at = [`${place.database}.${place.schema}`];
    return names.map((name) => ({
      ...attention(
        name,
        found.has(name)
          ? wanted.has(name)
            ? `differs from that of ${first.schema}`
            : `is not in ${first.schema}`
          : `is missing, and ${first.schema} has it`,
        'Make them alike, or write a migration that does: the same migrations run for all tenants.',
      ),
      places: at,
    }));
  });
}

/** By table, its columns and keys as one text. */
function shapesOf({ plan: { tables, origins } }: PlannedPlace): ReadonlyMap<string, string> {
  const adopted = tables.filter(({ name }) => origins.has(name));
  return new Map(adopted.map((table) => [table.name, shapeOf(table)]));
}

function shapeOf({ columns, constraints, indexes }: InspectedTable): string {
  return JSON.stringify([
    sorted(columns.map(({ name, type, isNotNull }) => [name, type, isNotNull])),
    sorted(constraints.map(({ kind, columns: names, references }) => [kind, names, references?.table])),
    sorted(indexes.map(({ isUnique, columns: names }) => [isUnique, names])),
  ]);
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).toSorted((a, b) => (a < b ? -1 : 1));
}
