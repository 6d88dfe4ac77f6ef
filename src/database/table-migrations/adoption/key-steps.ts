import { escapeIdentifier, escapeLiteral } from 'pg';
import { fitsIdentifier, shortHash, truncatedIdentifier } from '../../../platform/postgres/identifiers.js';
import { constraintName, tenantColumns } from '../tenant-table.js';
import { KEPT_INDEX } from '../comparison/actual-tables.js';
import type { AdoptionStep } from './adoption-step.js';
import type { InspectedConstraint, InspectedIndex, InspectedTable } from './inspection/inspected-tables.js';
import { qualified, type TenantOrigin } from './inspection/tenant-keys.js';

const SUFFIX = '_by_tenant';

/** A name for the time in which the one without the tenant exists, too. */
function temporaryName(name: string): string {
  const longer = `${name}${SUFFIX}`;
  return fitsIdentifier(longer) ? longer : truncatedIdentifier(name, `_${shortHash(name, 8)}${SUFFIX}`);
}

/** An index as adoption replaces it. */
interface ReplacedIndex {
  readonly index: InspectedIndex;
  /** Key columns behind the tenant; null with an expression, a condition or an order, for which no short form exists. */
  readonly columns: readonly string[] | null;
  /** Behind `USING btree (tenant_id`; undefined where the tenant alone is left. */
  readonly tail: string | undefined;
}

/** The indexes that get the tenant in front. A secondary one that begins with the tenant's key begins with `tenant_id` instead. */
export function replacedIndexes(table: InspectedTable, origin: TenantOrigin): ReplacedIndex[] {
  return table.indexes
    .filter(({ method }) => method === 'btree')
    .map((index) => {
      const { columns, definition, isUnique, isPlain, hasCondition } = index;
      const tail = /^CREATE (?:UNIQUE )?INDEX .*? USING btree \((.*)$/s.exec(definition)?.[1] ?? '';
      const plain = isPlain && !hasCondition ? columns : null;
      const key = 'column' in origin && !isUnique && columns?.[0] === origin.column ? origin.column : undefined;
      if (key === undefined) return { index, columns: plain, tail: `, ${tail}` };
      const first = [key, escapeIdentifier(key)].find((name) => tail.startsWith(`${name}, `));
      if (first !== undefined) return { index, columns: plain?.slice(1) ?? null, tail: tail.slice(first.length) };
      return plain?.length === 1
        ? { index, columns: [], tail: undefined }
        : { index, columns: plain, tail: `, ${tail}` };
    });
}

/** Keys and indexes that begin with the tenant, made concurrently beside the existing ones. */
export function keySteps(
  table: InspectedTable,
  origin: TenantOrigin,
  schema: string,
  taken: ReadonlySet<string>,
): AdoptionStep[] {
  const made = new Set<string>();
  return replacedIndexes(table, origin).map((replaced) => {
    const { index, tail } = replaced;
    // Every table has a key that begins with the tenant, so that an index on the tenant alone is not needed.
    const isNeeded = index.isUnique || (tail !== undefined && !made.has(tail));
    if (!index.isUnique && tail !== undefined) made.add(tail);
    const statement = `CREATE ${index.isUnique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY ${escapeIdentifier(temporaryName(index.name))} ON ${qualified(schema, table.name)} USING btree (tenant_id${tail}`;
    return index.isUnique
      ? uniqueStep(table, index, schema, statement)
      : secondaryStep({ table, replaced, schema, statement: isNeeded ? statement : undefined, taken });
  });
}

function uniqueStep(table: InspectedTable, index: InspectedIndex, schema: string, statement: string): AdoptionStep {
  const made = qualified(schema, temporaryName(index.name));
  const existing = qualified(schema, index.name);
  return {
    table: table.name,
    name: `key ${index.name}`,
    concurrently: { statement, makes: made },
    run: [`COMMENT ON INDEX ${existing} IS ${escapeLiteral(KEPT_INDEX)}`],
    undo: [
      `DROP INDEX IF EXISTS ${made}`,
      `COMMENT ON INDEX ${existing} IS ${index.comment === null ? 'NULL' : escapeLiteral(index.comment)}`,
    ],
    finish: finishUnique(table, index, schema),
    finishOrder: 2,
    locks: 1,
  };
}

function finishUnique(table: InspectedTable, index: InspectedIndex, schema: string): string[] {
  const name = qualified(schema, table.name);
  const constraint = table.constraints.find(
    ({ kind, name: named }) => (kind === 'p' || kind === 'u') && named === index.name,
  );
  const temporary = escapeIdentifier(temporaryName(index.name));
  if (!constraint) {
    return [
      `DROP INDEX ${qualified(schema, index.name)}`,
      `ALTER INDEX ${qualified(schema, temporaryName(index.name))} RENAME TO ${escapeIdentifier(index.name)}`,
    ];
  }
  const kind = constraint.kind === 'p' ? 'PRIMARY KEY' : 'UNIQUE';
  const final = finalKeyName(table, constraint);
  return [
    `ALTER TABLE ${name} DROP CONSTRAINT ${escapeIdentifier(index.name)}`,
    `ALTER TABLE ${name} ADD CONSTRAINT ${final} ${kind} USING INDEX ${temporary}`,
  ];
}

/** As `createTenantTable` names it, unless something else of the table has that name. */
function finalKeyName(table: InspectedTable, { kind, name, columns }: InspectedConstraint): string {
  const wanted = kind === 'p' ? constraintName(table.name, [], 'pkey') : constraintName(table.name, columns, 'key');
  const others = [...table.indexes, ...table.constraints].filter((other) => other.name !== name);
  return others.some((other) => escapeIdentifier(other.name) === wanted) ? escapeIdentifier(name) : wanted;
}

interface Secondary {
  readonly table: InspectedTable;
  readonly replaced: ReplacedIndex;
  readonly schema: string;
  /** Undefined when another index does as well. */
  readonly statement: string | undefined;
  readonly taken: ReadonlySet<string>;
}

function secondaryStep({ table, replaced: { index, columns }, schema, statement, taken }: Secondary): AdoptionStep {
  const made = qualified(schema, temporaryName(index.name));
  const drop = `DROP INDEX ${qualified(schema, index.name)}`;
  const wanted = columns === null ? undefined : constraintName(table.name, columns, 'idx');
  const isFree = wanted !== undefined && (wanted === escapeIdentifier(index.name) || !taken.has(wanted));
  const final = isFree ? wanted : escapeIdentifier(index.name);
  return {
    table: table.name,
    name: `index ${index.name}`,
    ...(statement !== undefined && { concurrently: { statement, makes: made } }),
    run: [],
    undo: statement === undefined ? [] : [`DROP INDEX IF EXISTS ${made}`],
    finish: statement === undefined ? [drop] : [drop, `ALTER INDEX ${made} RENAME TO ${final}`],
    finishOrder: 2,
    locks: statement === undefined ? 0 : 1,
  };
}

const ACTIONS: Readonly<Record<string, string>> = {
  a: 'NO ACTION',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
  d: 'SET DEFAULT',
};

/** Foreign keys between adopted tables, from and to the tenant, checked behind. */
export function foreignKeySteps(table: InspectedTable, adopted: ReadonlySet<string>, schema: string): AdoptionStep[] {
  const name = qualified(schema, table.name);
  return table.constraints
    .filter(({ kind, references }) => kind === 'f' && references?.schema === schema && adopted.has(references.table))
    .flatMap((key): AdoptionStep[] => {
      const made = escapeIdentifier(temporaryName(key.name));
      const step = { table: table.name, finish: [], finishOrder: 1 };
      return [
        {
          ...step,
          name: `foreign-key ${key.name}`,
          run: [`ALTER TABLE ${name} ADD CONSTRAINT ${made} ${foreignKey(key, schema)} NOT VALID`],
          undo: [`ALTER TABLE ${name} DROP CONSTRAINT IF EXISTS ${made}`],
          finish: [
            `ALTER TABLE ${name} DROP CONSTRAINT ${escapeIdentifier(key.name)}`,
            `ALTER TABLE ${name} RENAME CONSTRAINT ${made} TO ${finalForeignKeyName(table, key)}`,
          ],
          locks: 2,
        },
        {
          ...step,
          name: `validate ${key.name}`,
          run: [`ALTER TABLE ${name} VALIDATE CONSTRAINT ${made}`],
          undo: [],
          locks: 2,
        },
      ];
    });
}

function finalForeignKeyName(table: InspectedTable, { name, columns }: InspectedConstraint): string {
  const wanted = constraintName(table.name, columns, 'fkey');
  const isTaken = table.constraints.some((other) => other.name !== name && escapeIdentifier(other.name) === wanted);
  return isTaken ? escapeIdentifier(name) : wanted;
}

function foreignKey(key: InspectedConstraint, schema: string): string {
  const { columns, references, onDelete, onUpdate, nulled } = key;
  // Without the columns' names, the tenant would be nulled, too.
  const set = onDelete === 'n' || onDelete === 'd';
  const named = set ? ` (${(nulled.length > 0 ? nulled : columns).map(escapeIdentifier).join(', ')})` : '';
  return (
    [
      `FOREIGN KEY ${tenantColumns(columns)} REFERENCES ${qualified(schema, references!.table)} ${tenantColumns(references!.columns)}`,
      `ON DELETE ${ACTIONS[onDelete]}${named}`,
      ...(onUpdate === 'a' ? [] : [`ON UPDATE ${ACTIONS[onUpdate]}`]),
    ].join(' ') + deferral(key)
  );
}

function deferral({ isDeferrable, isDeferred }: InspectedConstraint): string {
  return isDeferrable ? ` DEFERRABLE${isDeferred ? ' INITIALLY DEFERRED' : ''}` : '';
}
