import { type AdoptionFinding, note, refused } from './adoption-finding.js';
import type { InspectedConstraint, InspectedTable } from './inspected-tables.js';
import type { TenantOrigin } from './tenant-keys.js';

/** What decides where tenants come from. */
export interface OriginOptions {
  /** The column with the tenant's key; undefined when the schema is one tenant's. */
  readonly tenantColumn: string | undefined;
  /** The table with a row per tenant, and its key column. */
  readonly tenantsTable?: { readonly table: string; readonly column: string } | undefined;
  /** Table -> column, where the column has another name. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Tables that are not adopted. */
  readonly leftOut: readonly string[];
}

export interface TenantOrigins {
  /** By table, parents before the tables whose tenant comes through a foreign key to them. */
  readonly origins: ReadonlyMap<string, TenantOrigin>;
  readonly findings: readonly AdoptionFinding[];
}

/**
 * Finds out where the tenant of each table's rows comes from: a column, or else a foreign key to a table that has one. A key whose
 * columns are never null is preferred, and the one that leads to a column soonest.
 */
export function tenantOrigins(tables: readonly InspectedTable[], options: OriginOptions): TenantOrigins {
  const candidates = tables.filter(({ name }) => !options.leftOut.includes(name));
  if (options.tenantColumn === undefined) {
    return { origins: new Map(candidates.map(({ name }) => [name, { place: true }])), findings: [] };
  }
  const origins = new Map<string, TenantOrigin>();
  for (const table of candidates) {
    const column = columnOf(table, options);
    if (column !== undefined) origins.set(table.name, { column });
  }
  let found: readonly (readonly [string, TenantOrigin])[];
  do {
    found = candidates.flatMap((table) => {
      if (origins.has(table.name)) return [];
      const key = keyToTenant(table, origins);
      return key?.references
        ? [[table.name, { foreignKey: key.columns, parent: key.references.table, references: key.references.columns }]]
        : [];
    });
    for (const [table, origin] of found) origins.set(table, origin);
  } while (found.length > 0);
  const pathless = candidates.filter(({ name }) => !origins.has(name));
  return { origins, findings: pathless.map((table) => pathlessFinding(table, tables)) };
}

/** The column of the options, which the table may lack. */
export function missingColumns(tables: readonly InspectedTable[], options: OriginOptions): AdoptionFinding[] {
  const given = [
    ...Object.entries(options.columns ?? {}),
    ...(options.tenantsTable ? [[options.tenantsTable.table, options.tenantsTable.column] as const] : []),
  ];
  return given.flatMap(([name, column]) => {
    const table = tables.find((found) => found.name === name);
    if (table?.columns.some((found) => found.name === column)) return [];
    return [refused(name, table ? `has no column ${column}` : 'is not in the schema', 'Correct the name.')];
  });
}

function columnOf(table: InspectedTable, { tenantColumn, tenantsTable, columns }: OriginOptions): string | undefined {
  const given = columns?.[table.name] ?? (tenantsTable?.table === table.name ? tenantsTable.column : tenantColumn);
  return table.columns.some(({ name }) => name === given) ? given : undefined;
}

function keyToTenant(
  table: InspectedTable,
  origins: ReadonlyMap<string, TenantOrigin>,
): InspectedConstraint | undefined {
  const leading = table.constraints.filter(
    ({ kind, references }) =>
      kind === 'f' && references !== null && references.table !== table.name && origins.has(references.table),
  );
  return leading.find((key) => isAlwaysSet(table, key)) ?? leading[0];
}

export function isAlwaysSet(table: InspectedTable, { columns }: { readonly columns: readonly string[] }): boolean {
  return columns.every((name) => table.columns.find((column) => column.name === name)?.isNotNull === true);
}

/** A table without any path to a tenant is a table of the whole product. */
function pathlessFinding(table: InspectedTable, tables: readonly InspectedTable[]): AdoptionFinding {
  const users = tables
    .filter(({ constraints }) => constraints.some(({ references }) => references?.table === table.name))
    .map(({ name }) => name);
  const what = 'has neither the tenant column nor a foreign key that leads to a table with it';
  if (users.length > 0) {
    const advice = `${users.join(', ')} refer to it. If every tenant reads the same rows, make it a reference table (createReferenceTable).`;
    return note(table.name, what, `It stays as it is, and tenants cannot reach it. ${advice}`);
  }
  return note(
    table.name,
    what,
    'It stays as it is, and tenants cannot reach it: keep it as a central table, or name its column with --from.',
  );
}
