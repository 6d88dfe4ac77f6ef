import { ACTUAL_TABLES, type ActualColumn, type ActualTable, TENANT_COLUMN } from './actual-tables.js';
import { TENANT_POLICIES } from '../../isolation/tenant-policies.js';
import { CodedError } from '../../../platform/errors/coded-error.js';
import { isCompatible, typeOf } from './column-types.js';
import type { ExpectedColumn, ExpectedTable } from './expected-tables.js';

const MAX_NAMED = 10;
const SCHEMAS_PER_STATEMENT = 200;

export interface CompareOptions {
  /** The login role that must be granted the tables. Grants are not compared unless given. */
  readonly role?: string | undefined;
  /** Whether row-level security and policies are compared. Default: true. */
  readonly isolation?: boolean;
}

/** Sends a statement and returns its rows, as a migration's query runner does. */
type Query = (text: string, values: unknown[]) => Promise<unknown>;

/** Raised when tables are not what the entities map: statements on them would fail. */
export class EntityTablesError extends CodedError {
  readonly code = 'ENTITY_TABLES_DIFFER';

  constructor(readonly differences: readonly string[]) {
    const named = differences.slice(0, MAX_NAMED).join('; ');
    const rest = differences.length - MAX_NAMED;
    super(`the tables do not fit the entities: ${named}${rest > 0 ? `; and ${rest} more` : ''}`);
  }
}

/** @throws EntityTablesError */
export async function assertEntityTables(
  query: Query,
  schema: string,
  expected: readonly ExpectedTable[],
  role?: string,
): Promise<void> {
  const [differences = []] = [...(await compareEntityTables(query, [schema], expected, { role })).values()];
  if (differences.length > 0) throw new EntityTablesError(differences);
}

/**
 * Compares the tables of schemas with what the entities map. Tables and columns that no entity maps are none of its
 * concern, unless inserts would fail for want of a value.
 *
 * @returns for each schema, what differs
 */
export async function compareEntityTables(
  query: Query,
  schemas: readonly string[],
  expected: readonly ExpectedTable[],
  { role, isolation = true }: CompareOptions = {},
): Promise<ReadonlyMap<string, readonly string[]>> {
  const differences = new Map<string, readonly string[]>();
  if (expected.length === 0) return differences;
  const names = [...new Set(expected.map(({ table }) => table))];
  for (let start = 0; start < schemas.length; start += SCHEMAS_PER_STATEMENT) {
    const some = schemas.slice(start, start + SCHEMAS_PER_STATEMENT);
    const rows = (await query(ACTUAL_TABLES, [some, names, role ?? null])) as ActualTable[];
    for (const schema of some) {
      const tables = rows.filter((row) => row.schema === schema);
      differences.set(schema, differencesOf(expected, new Map(tables.map((table) => [table.table, table])), isolation));
    }
  }
  return differences;
}

function differencesOf(
  expected: readonly ExpectedTable[],
  actual: ReadonlyMap<string, ActualTable>,
  isolation: boolean,
): string[] {
  const mapped = new Map<string, Set<string>>();
  for (const { table, columns } of expected) {
    const names = mapped.get(table) ?? new Set();
    for (const { name } of columns) names.add(name);
    mapped.set(table, names);
  }
  const all = expected.flatMap((entity) => {
    const table = actual.get(entity.table);
    if (!table) return [`table ${entity.table} is missing (entity ${entity.entity})`];
    if (entity.isView) return table.isGranted ? [] : [`view ${entity.table} is not granted to the login role`];
    return [
      ...(isolation ? isolationDifferences(entity, table) : []),
      ...(table.isGranted || !table.hasRowSecurity ? [] : [`table ${table.table} is not granted to the login role`]),
      ...entity.columns.flatMap((column) => columnDifferences(entity, column, table)),
      ...(table.isReference ? [] : unmappedColumns(table, mapped.get(table.table) ?? new Set())),
      ...keyDifferences(entity, table),
      ...sharedKeys(table),
    ];
  });
  return [...new Set(all)]; // several entities may map one table
}

function isolationDifferences({ entity, isReference }: ExpectedTable, actual: ActualTable): string[] {
  const { table, columns, hasRowSecurity, policies } = actual;
  if (isReference && !actual.isReference)
    return [`table ${table} is no reference table, as entity ${entity} says (create it with createReferenceTable)`];
  if (actual.isReference && !isReference)
    return [`table ${table} is a reference table: name entity ${entity} in referenceEntities`];
  if (isReference) return hasRowSecurity ? [] : [`table ${table} has no row-level security (createReferenceTable has)`];
  const made = 'create it with createTenantTable';
  if (!columns.some(({ name }) => name === TENANT_COLUMN)) return [`table ${table} has no tenant_id (${made})`];
  if (!hasRowSecurity) return [`table ${table} has no row-level security (${made})`];
  const missing = TENANT_POLICIES.map(({ name }) => name).filter((name) => !policies.includes(name));
  if (missing.length > 0) return [`table ${table} lacks the policies ${missing.join(', ')} (${made})`];
  return [];
}

function columnDifferences(
  { entity, isReference }: ExpectedTable,
  column: ExpectedColumn,
  { table, columns }: ActualTable,
): string[] {
  const actual = columns.find(({ name }) => name === column.name);
  const name = `column ${table}.${column.name}`;
  if (!actual) return [`${name} is missing (entity ${entity} maps it as ${typeOf(column)})`];
  if (!isCompatible(column, actual))
    return [`${name} is ${typeOf(actual)}, entity ${entity} maps it as ${typeOf(column)}`];
  const labels = actual.isEnum ? column.labels.filter((label) => !actual.labels.includes(label)) : [];
  if (labels.length > 0) return [`${name} has no value ${labels.join(', ')}, which entity ${entity} maps`];
  if (!actual.isNotNull || actual.hasDefault || isReference) return []; // tenants insert no rows of reference tables
  if (column.needsDefault) return [`${name} has no default, which entity ${entity} leaves the value to`];
  return column.isNullable ? [`${name} does not accept null, entity ${entity} maps it as nullable`] : [];
}

/** Columns for which every insert lacks a value. */
function unmappedColumns({ table, columns }: ActualTable, mapped: ReadonlySet<string>): string[] {
  const needsValue = ({ name, isNotNull, hasDefault }: ActualColumn): boolean =>
    isNotNull && !hasDefault && name !== TENANT_COLUMN && !mapped.has(name);
  return columns
    .filter(needsValue)
    .map(({ name }) => `column ${table}.${name} is NOT NULL without a default, and no entity maps it`);
}

/** Keys are compared without the tenant, which is in front of each of them. */
function keyDifferences({ entity, primaryKey, uniqueKeys }: ExpectedTable, { table, keys }: ActualTable): string[] {
  const actual = new Set(keys.map(keyOf));
  const describe = (kind: string, columns: readonly string[]): string[] =>
    actual.has(keyOf(columns))
      ? []
      : [`table ${table} has no ${kind} (${columns.join(', ')}), which entity ${entity} maps`];
  return [...describe('primary key', primaryKey), ...uniqueKeys.flatMap((columns) => describe('unique key', columns))];
}

/**
 * PostgreSQL checks keys without the policies, so that an error tells a tenant of another one's value. In all isolations,
 * because one migration serves them all.
 */
function sharedKeys({ table, columns, hasRowSecurity, indexesWithoutTenant }: ActualTable): string[] {
  const isHeldByPolicy = hasRowSecurity && columns.some(({ name }) => name === TENANT_COLUMN);
  if (!isHeldByPolicy) return [];
  const why = `lacks ${TENANT_COLUMN}, so that tenants collide on each other's values`;
  return indexesWithoutTenant.map(
    (index) => `unique index ${index} on table ${table} ${why} (add ${TENANT_COLUMN} to it, as createTenantTable does)`,
  );
}

function keyOf(columns: readonly string[]): string {
  return JSON.stringify(columns.filter((name) => name !== TENANT_COLUMN).toSorted());
}
