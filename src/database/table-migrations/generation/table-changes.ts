import { TENANT_COLUMN } from '../comparison/actual-tables.js';
import { quote } from '../tenant-table.js';
import { columnSteps, unmappedColumnSteps } from './column-changes.js';
import { addForeignKey, addIndex, type MigrationStep, type StatementStep } from './migration-step.js';
import type { ComparedTable, TableShape } from './table-shapes.js';

/**
 * The statements that give a table what entities map. What it has beyond that is left: a constraint that no entity maps may
 * well be meant, and dropping a column would lose what the former version writes.
 *
 * @param refuse called with what cannot be expressed
 */
export function changeSteps(table: ComparedTable, refuse: (reason: string) => void): MigrationStep[] {
  const { wanted, actual } = table;
  if (keyOf(wanted, 'p') !== keyOf(actual, 'p')) {
    refuse(`table ${actual.name} has the primary key (${keyOf(actual, 'p')}), entities map (${keyOf(wanted, 'p')})`);
  }
  return [
    ...columnSteps(table, refuse),
    ...unmappedColumnSteps(table, refuse),
    ...uniqueSteps(table),
    ...checkSteps(table),
    ...foreignKeySteps(table),
    ...indexSteps(table),
  ];
}

function keyOf({ constraints }: TableShape, kind: 'p'): string {
  const columns = constraints.find((constraint) => constraint.kind === kind)?.columns ?? [];
  return withoutTenant(columns).join(', ');
}

/** By their columns in any order: a unique index does as well as a constraint. */
function uniqueSteps({ described, wanted, actual }: ComparedTable): StatementStep[] {
  const setOf = (columns: readonly string[]): string => withoutTenant(columns).toSorted().join();
  const indexed = actual.indexes.flatMap(
    (definition) => /^CREATE UNIQUE INDEX USING btree \(([^()]*)\)$/.exec(definition)?.[1] ?? [],
  );
  const present = new Set(indexed.map((columns) => setOf(columns.split(', ').map((name) => name.replaceAll('"', '')))));
  return wanted.constraints
    .filter(({ kind, columns }) => kind === 'u' && !present.has(setOf(columns)))
    .map(({ name, definition }) => addConstraint(described.name, name, definition));
}

/** A check of a column that was there before is compared only where the table has one of that name. */
function checkSteps({ described, wanted, actual }: ComparedTable): StatementStep[] {
  const columns = new Map(actual.columns.map((column) => [column.name, column]));
  const definitions = new Set(actual.constraints.map(({ definition }) => definition));
  return wanted.constraints.flatMap(({ kind, name, definition, columns: checked }) => {
    if (kind !== 'c' || definitions.has(definition)) return [];
    const former = actual.constraints.find((constraint) => constraint.name === name);
    if (former) return replaceConstraint(described.name, { name, from: former.definition, to: definition });
    const isOfEnum = checked.some((column) => column in described.columns && column in described.checks);
    const isOld = checked.every((column) => columns.has(column));
    return isOfEnum && isOld ? [] : [addConstraint(described.name, name, definition)];
  });
}

function foreignKeySteps({ described, wanted, actual }: ComparedTable): StatementStep[] {
  const keys = actual.constraints.filter(({ kind }) => kind === 'f');
  return described.foreignKeys.flatMap((key) => {
    const target = wanted.constraints.find(
      ({ kind, columns }) => kind === 'f' && withoutTenant(columns).join() === key.columns.join(),
    );
    const former = keys.find(({ columns }) => withoutTenant(columns).join() === key.columns.join());
    if (!target || former?.definition === target.definition) return [];
    if (!former) return [addForeignKey(described.name, key)];
    if (key.onDelete === undefined) return []; // the entity leaves it to the migration
    return replaceConstraint(described.name, { name: former.name, from: former.definition, to: target.definition });
  });
}

function indexSteps({ described, wanted, actual }: ComparedTable): StatementStep[] {
  const present = new Set(actual.indexes);
  const made = described.indexes.map((columns) => ({ columns }));
  return [...made, ...described.conditionalIndexes].flatMap((index) => {
    const step = addIndex(described, index);
    const isPresent = wanted.indexes.some((definition) => present.has(definition) && isOf(definition, index));
    return isPresent ? [] : [step];
  });
}

function isOf(
  definition: string,
  { columns, condition, isUnique = false }: { columns: readonly string[]; condition?: string; isUnique?: boolean },
): boolean {
  const [, unique, indexed = '', where] =
    /^CREATE (UNIQUE )?INDEX USING btree \(([^()]*)\)(?: WHERE (.*))?$/.exec(definition) ?? [];
  const names = indexed.split(', ').map((name) => name.replaceAll('"', ''));
  const isSame = withoutTenant(names).join() === columns.join() && (unique !== undefined) === isUnique;
  return isSame && (where === undefined) === (condition === undefined);
}

function addConstraint(table: string, name: string, definition: string): StatementStep {
  return {
    up: `ALTER TABLE ${quote(table)} ADD CONSTRAINT ${quote(name)} ${definition}`,
    down: `ALTER TABLE ${quote(table)} DROP CONSTRAINT ${quote(name)}`,
  };
}

function replaceConstraint(
  table: string,
  { name, from, to }: { name: string; from: string; to: string },
): StatementStep[] {
  const drop = `ALTER TABLE ${quote(table)} DROP CONSTRAINT ${quote(name)}`;
  const replaced = (definition: string): string => `${drop}, ADD CONSTRAINT ${quote(name)} ${definition}`;
  return [{ up: replaced(to), down: replaced(from) }];
}

function withoutTenant(columns: readonly string[]): string[] {
  return columns.filter((name) => name !== TENANT_COLUMN);
}
