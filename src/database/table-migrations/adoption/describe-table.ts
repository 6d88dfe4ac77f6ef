import { escapeIdentifier, escapeLiteral } from 'pg';
import { foreignKeyElement, referencedTable, type TenantForeignKey, type TenantTable } from '../tenant-table.js';
import type { AdoptedFrom } from './adopt-tenant-table.js';
import type { InspectedColumn, InspectedConstraint, InspectedTable } from './inspection/inspected-tables.js';
import { replacedIndexes } from './key-steps.js';
import type { TenantOrigin } from './inspection/tenant-keys.js';

/** An existing table as a migration describes it. */
export interface DescribedAdoption {
  readonly name: string;
  readonly from: AdoptedFrom;
  readonly table: TenantTable;
  /** What only a new table needs, and `TenantTable` cannot express: indexes with a condition, an expression or an order. */
  readonly statements: readonly string[];
  /** What a new table will lack. */
  readonly comments: readonly string[];
}

const ON_DELETE: Readonly<Record<string, TenantForeignKey['onDelete']>> = {
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
};

export function describeTable(
  table: InspectedTable,
  origin: TenantOrigin,
  adopted: ReadonlySet<string>,
): DescribedAdoption {
  const primary = table.constraints.find(({ kind }) => kind === 'p');
  const uniques = table.constraints.filter(({ kind }) => kind === 'u');
  const keys = table.constraints.filter(({ kind }) => kind === 'f');
  const own = keys.filter(({ references }) => references !== null && adopted.has(references.table));
  const indexes = replacedIndexes(table, origin).filter(({ index, tail }) => !index.isConstraint && tail !== undefined);
  const plain = indexes.filter(({ index, columns }) => columns !== null && !index.isUnique);
  const checks = table.constraints.filter(({ kind }) => kind === 'c');
  return {
    name: table.name,
    from:
      'place' in origin ? 'place' : 'column' in origin ? { column: origin.column } : { foreignKey: origin.foreignKey },
    table: {
      columns: Object.fromEntries(table.columns.map((column) => [column.name, columnDefinition(column)])),
      ...(primary && primary.columns.join() !== 'id' && { primaryKey: primary.columns }),
      ...(uniques.length > 0 && { unique: uniques.map(({ columns }) => columns) }),
      ...(own.length > 0 && { foreignKeys: own.map(foreignKeyOf) }),
      ...(plain.length > 0 && { indexes: distinct(plain.map(({ columns }) => columns ?? [])) }),
      ...(checks.length > 0 && {
        checks: Object.fromEntries(checks.map((check) => [checkName(table.name, check), conditionOf(check)])),
      }),
    },
    statements: indexes
      .filter(({ index, columns }) => columns === null || index.isUnique)
      .map(
        ({ index, tail }) =>
          `CREATE ${index.isUnique ? 'UNIQUE ' : ''}INDEX ${escapeIdentifier(index.name)} ON ${escapeIdentifier(table.name)} USING btree (tenant_id${tail}`,
      ),
    comments: [
      ...keys
        .filter((key) => !own.includes(key))
        .map(
          ({ columns, references }) =>
            `(${columns.join(', ')}) refers to ${references?.table}, which is no tenant table: only the existing table has that key`,
        ),
      ...own
        .filter(({ onUpdate, isDeferrable, onDelete }) => onUpdate !== 'a' || isDeferrable || onDelete === 'd')
        .map(({ name }) => `${name} has ON UPDATE, SET DEFAULT or DEFERRABLE in the existing table only`),
      ...table.indexes
        .filter(({ method }) => method !== 'btree')
        .map(({ name, method }) => `${name} (${method}) is in the existing table only`),
      ...table.triggers.map(({ name }) => `the trigger ${name} is on the existing table only`),
    ],
  };
}

/**
 * In the order in which new tables can be created, referenced ones first. Where tables refer to each other in a circle, a key is added
 * when the last of them is created.
 */
export function inCreationOrder(tables: readonly DescribedAdoption[]): readonly DescribedAdoption[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const ordered: string[] = [];
  const visiting = new Set<string>();
  const visit = (name: string): void => {
    if (visiting.has(name) || !byName.has(name)) return;
    visiting.add(name);
    for (const { references } of byName.get(name)?.table.foreignKeys ?? []) visit(referencedTable(references));
    ordered.push(name);
  };
  for (const { name } of tables) visit(name);
  const later = new Map<string, string[]>();
  const split = ordered.map((name, index): DescribedAdoption => {
    const described = byName.get(name)!;
    const keys = described.table.foreignKeys ?? [];
    const isPossible = ({ references }: TenantForeignKey): boolean =>
      ordered.indexOf(referencedTable(references)) <= index;
    for (const key of keys.filter((found) => !isPossible(found))) {
      const statement = `ALTER TABLE ${escapeIdentifier(name)} ADD ${foreignKeyElement(name, key).replaceAll(/\s+/g, ' ')}`;
      const referenced = referencedTable(key.references);
      later.set(referenced, [...(later.get(referenced) ?? []), statement]);
    }
    const { foreignKeys: _all, ...table } = described.table;
    const possible = keys.filter(isPossible);
    return { ...described, table: possible.length > 0 ? { ...table, foreignKeys: possible } : table };
  });
  return split.map((described) => ({
    ...described,
    statements: [...described.statements, ...(later.get(described.name) ?? [])],
  }));
}

/** Of the enums of the schema that tables have columns of, so that a new schema has them, too. */
export function enumStatements(tables: readonly InspectedTable[]): string[] {
  const enums = new Map(
    tables.flatMap(({ columns }) =>
      columns.filter(({ labels }) => labels.length > 0).map(({ type, labels }) => [type, labels] as const),
    ),
  );
  return Array.from(
    enums,
    ([type, labels]) =>
      `DO $$ BEGIN IF to_regtype(${escapeLiteral(type)}) IS NULL THEN CREATE TYPE ${type} AS ENUM (${labels.map((label) => escapeLiteral(label)).join(', ')}); END IF; END $$`,
  );
}

function columnDefinition(column: InspectedColumn): string {
  const { type, collation, isNotNull, identity, isGenerated, isSerial } = column;
  return [
    type,
    ...(collation === null ? [] : [`COLLATE ${escapeIdentifier(collation)}`]),
    ...(isNotNull ? ['NOT NULL'] : []),
    ...(isSerial || identity !== '' ? [`GENERATED ${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`] : []),
    ...(isGenerated ? [`GENERATED ALWAYS AS (${column.default}) STORED`] : []),
    ...(column.default !== null && !isSerial && !isGenerated ? [`DEFAULT ${portable(column.default)}`] : []),
  ].join(' ');
}

/** A function of PostgreSQL's own in place of the extension's, which a new database does not have. */
function portable(expression: string): string {
  return expression.replace(/^(?:\w+\.)?uuid_generate_v4\(\)$/, 'gen_random_uuid()');
}

function foreignKeyOf({ columns, references, onDelete }: InspectedConstraint): TenantForeignKey {
  const action = ON_DELETE[onDelete];
  return {
    columns,
    references: {
      table: references?.table ?? '',
      ...(references && references.columns.join() !== 'id' && { columns: references.columns }),
    },
    ...(action && { onDelete: action }),
  };
}

/** `total`, of a constraint `orders_total_check`; others keep their name in front of the ending. */
function checkName(table: string, { name }: InspectedConstraint): string {
  return name.replace(new RegExp(`^${table.replaceAll(/\W/g, '\\$&')}_`), '').replace(/_check$/, '') || name;
}

function conditionOf({ definition }: InspectedConstraint): string {
  return definition
    .replace(/^CHECK \((.*)\)(?: NOT VALID| NO INHERIT)*$/s, '$1')
    .replace(/^\((.*)\)$/s, (whole, inner: string) => (isBalanced(inner) ? inner : whole));
}

/** Whether parentheses around a text belong to each other. */
function isBalanced(inner: string): boolean {
  let depth = 0;
  for (const character of inner) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function distinct(lists: readonly (readonly string[])[]): (readonly string[])[] {
  return [...new Map(lists.map((list) => [list.join('\0'), list])).values()];
}
