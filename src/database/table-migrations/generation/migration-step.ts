import type { QueryRunner } from 'typeorm';
import { createReferenceTable, type ReferenceTable } from '../reference-table.js';
import {
  columnList,
  constraintName,
  createTenantTable,
  foreignKeyElement,
  quote,
  referencedTable,
  type TenantTable,
  tenantColumns,
} from '../tenant-table.js';
import type { ConditionalIndex, DescribedTable } from './described-tables.js';

interface Commented {
  /** What the reader of the migration should know, one line. */
  readonly comment?: string;
}

/** A statement and the one that takes it back. */
export interface StatementStep extends Commented {
  readonly up: string;
  readonly down: string;
}

interface TableStep extends Commented {
  readonly table: string;
  readonly definition: TenantTable;
  /** Whether `createReferenceTable` makes it. */
  readonly isReference: boolean;
}

/** A part of a generated migration. */
export type MigrationStep = TableStep | StatementStep;

export async function runStep(runner: QueryRunner, step: MigrationStep): Promise<void> {
  if ('table' in step) {
    // A reference table's keys lead to reference tables only: the entities' comparison refuses others.
    if (step.isReference) await createReferenceTable(runner, step.table, step.definition as ReferenceTable);
    else await createTenantTable(runner, step.table, step.definition);
  } else await runner.query(step.up);
}

/** Adds a comment to the step that makes the index. */
export function commentOnIndex(
  steps: readonly MigrationStep[],
  { table, index }: { readonly table: string; readonly index: string },
  comment: string,
): MigrationStep[] {
  const made = steps.find((step) => !('table' in step) && step.up.includes(`INDEX ${quote(index)} ON`));
  const maker = made ?? steps.find((step) => 'table' in step && step.table === table);
  return steps.map((step) =>
    step === maker ? { ...step, comment: [step.comment, comment].filter(Boolean).join('; ') } : step,
  );
}

/** Creates tables, referenced ones first. Keys of tables that refer to each other follow when both exist. */
export function createSteps(tables: readonly DescribedTable[], existing: ReadonlySet<string>): MigrationStep[] {
  const made = new Set(existing);
  const ordered = inOrder(tables);
  const later: MigrationStep[] = [];
  const steps = ordered.flatMap((table): MigrationStep[] => {
    made.add(table.name);
    const isPossible = ({ references }: DescribedTable['foreignKeys'][number]): boolean =>
      made.has(referencedTable(references));
    later.push(...table.foreignKeys.filter((key) => !isPossible(key)).map((key) => addForeignKey(table.name, key)));
    const definition = definitionOf({ ...table, foreignKeys: table.foreignKeys.filter(isPossible) });
    const { name, isReference } = table;
    return [
      { table: name, definition, isReference },
      ...table.conditionalIndexes.map((index) => addIndex(table, index)),
    ];
  });
  return [...steps, ...later];
}

export function addForeignKey(table: string, key: DescribedTable['foreignKeys'][number]): StatementStep {
  return {
    up: `ALTER TABLE ${quote(table)} ADD ${foreignKeyElement(table, key).replaceAll(/\s+/g, ' ')}`,
    down: `ALTER TABLE ${quote(table)} DROP CONSTRAINT ${constraintName(table, key.columns, 'fkey')}`,
  };
}

export function addIndex(
  { name: table, isReference }: Pick<DescribedTable, 'name' | 'isReference'>,
  { columns, isUnique = false, condition }: Partial<ConditionalIndex> & Pick<ConditionalIndex, 'columns'>,
): StatementStep {
  const name = constraintName(
    table,
    columns,
    condition === undefined ? 'idx' : isUnique ? 'partial_key' : 'partial_idx',
  );
  const where = condition === undefined ? '' : ` WHERE ${condition}`;
  return {
    up: `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${name} ON ${quote(table)} ${(isReference ? columnList : tenantColumns)(columns)}${where}`,
    down: `DROP INDEX ${name}`,
  };
}

/** Without what is empty or the default. */
function definitionOf(table: DescribedTable): TenantTable {
  const { columns, primaryKey, unique, foreignKeys, indexes, checks } = table;
  return {
    columns,
    ...(primaryKey.join() !== 'id' && { primaryKey }),
    ...(unique.length > 0 && { unique }),
    ...(foreignKeys.length > 0 && { foreignKeys: foreignKeys.map(withoutDefaults) }),
    ...(indexes.length > 0 && { indexes }),
    ...(Object.keys(checks).length > 0 && { checks }),
  };
}

function withoutDefaults({ columns, references, onDelete }: DescribedTable['foreignKeys'][number]) {
  const { columns: to = [], ...table } = references;
  return {
    columns,
    references: { ...table, ...(to.join() !== 'id' && { columns: to }) },
    ...(onDelete && onDelete !== 'NO ACTION' && { onDelete }),
  };
}

function inOrder(tables: readonly DescribedTable[]): DescribedTable[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const ordered = new Set<DescribedTable>();
  const visiting = new Set<DescribedTable>();
  const visit = (table: DescribedTable): void => {
    if (ordered.has(table) || visiting.has(table)) return;
    visiting.add(table);
    for (const { references } of table.foreignKeys) {
      const referenced = byName.get(referencedTable(references));
      if (referenced) visit(referenced);
    }
    ordered.add(table);
  };
  for (const table of tables) visit(table);
  return [...ordered];
}
