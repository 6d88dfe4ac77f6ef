import type { QueryRunner } from 'typeorm';
import {
  constraintName,
  createTenantTable,
  foreignKeyElement,
  quote,
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
}

/** A part of a generated migration. */
export type MigrationStep = TableStep | StatementStep;

export async function runStep(runner: QueryRunner, step: MigrationStep): Promise<void> {
  if ('table' in step) await createTenantTable(runner, step.table, step.definition);
  else await runner.query(step.up);
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
    const isPossible = ({ references }: DescribedTable['foreignKeys'][number]): boolean => made.has(references.table);
    later.push(...table.foreignKeys.filter((key) => !isPossible(key)).map((key) => addForeignKey(table.name, key)));
    const definition = definitionOf({ ...table, foreignKeys: table.foreignKeys.filter(isPossible) });
    return [{ table: table.name, definition }, ...table.conditionalIndexes.map((index) => addIndex(table.name, index))];
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
  table: string,
  { columns, isUnique = false, condition }: Partial<ConditionalIndex> & Pick<ConditionalIndex, 'columns'>,
): StatementStep {
  const name = constraintName(
    table,
    columns,
    condition === undefined ? 'idx' : isUnique ? 'partial_key' : 'partial_idx',
  );
  const where = condition === undefined ? '' : ` WHERE ${condition}`;
  return {
    up: `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${name} ON ${quote(table)} ${tenantColumns(columns)}${where}`,
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

function withoutDefaults({
  columns,
  references: { table, columns: to = [] },
  onDelete,
}: DescribedTable['foreignKeys'][number]) {
  return {
    columns,
    references: { table, ...(to.join() !== 'id' && { columns: to }) },
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
      const referenced = byName.get(references.table);
      if (referenced) visit(referenced);
    }
    ordered.add(table);
  };
  for (const table of tables) visit(table);
  return [...ordered];
}
