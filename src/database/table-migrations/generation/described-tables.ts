import type { DataSource, EntityMetadata } from 'typeorm';
import type { EntityGraph } from '../comparison/expected-tables.js';
import { TENANT_COLUMN } from '../comparison/actual-tables.js';
import type { TenantTable } from '../tenant-table.js';
import { columnDefinition, enumCheck, inexpressible } from './described-column.js';

type Driver = DataSource['driver'];
type ForeignKey = NonNullable<TenantTable['foreignKeys']>[number];

/** An index that `createTenantTable` does not make. */
export interface ConditionalIndex {
  readonly columns: readonly string[];
  readonly isUnique: boolean;
  readonly condition: string;
}

/** A table as `createTenantTable` or `createReferenceTable` makes it for the entities that map it. */
export interface DescribedTable {
  readonly name: string;
  /** Made by `createReferenceTable`. */
  readonly isReference: boolean;
  readonly columns: Record<string, string>;
  readonly primaryKey: readonly string[];
  readonly unique: (readonly string[])[];
  readonly foreignKeys: ForeignKey[];
  readonly indexes: (readonly string[])[];
  readonly checks: Record<string, string>;
  readonly conditionalIndexes: ConditionalIndex[];
  /** What entities map and a migration cannot express. */
  readonly refused: readonly string[];
}

export interface DescribedEntities {
  readonly tables: readonly DescribedTable[];
  /** Names of the views that entities map; a generated migration makes none. */
  readonly views: readonly string[];
}

/** Entities that are marked `synchronize: false` are left out. Entities that share a table are described as one. */
export function describeEntities({
  entityMetadatas,
  driver,
  referenceTables = new Set(),
}: EntityGraph): DescribedEntities {
  const own = entityMetadatas.filter(({ synchronize }) => synchronize);
  const tables = new Map<string, DescribedTable>();
  for (const metadata of own) {
    if (metadata.tableType === 'view') continue;
    tables.set(
      metadata.tableName,
      merged(tables.get(metadata.tableName), describeTable(metadata, driver, referenceTables)),
    );
  }
  const views = own.filter(({ tableType }) => tableType === 'view').map(({ tableName }) => tableName);
  return { tables: [...tables.values()].map(withReferencingIndexes), views };
}

function describeTable(metadata: EntityMetadata, driver: Driver, referenceTables: ReadonlySet<string>): DescribedTable {
  const columns = metadata.columns.filter(
    (column) => !column.isVirtualProperty && column.databaseName !== TENANT_COLUMN,
  );
  const indices = metadata.indices.filter(({ synchronize }) => synchronize);
  const plain = indices.filter(({ where }) => !where);
  const checks = columns.flatMap((column) => {
    const check = enumCheck(column);
    return check === undefined ? [] : [[column.databaseName, check]];
  });
  return {
    name: metadata.tableName,
    isReference: referenceTables.has(metadata.tableName),
    columns: Object.fromEntries(columns.map((column) => [column.databaseName, columnDefinition(column, driver)])),
    primaryKey: namesOf(metadata.primaryColumns),
    unique: distinct([
      ...metadata.uniques.map((unique) => namesOf(unique.columns)),
      ...plain.filter(({ isUnique }) => isUnique).map((index) => namesOf(index.columns)),
    ]),
    foreignKeys: metadata.foreignKeys.map((key) => ({
      columns: namesOf(key.columns),
      references: referencesOf(key.referencedEntityMetadata.tableName, namesOf(key.referencedColumns), referenceTables),
      ...(key.onDelete && { onDelete: key.onDelete as NonNullable<ForeignKey['onDelete']> }),
    })),
    indexes: distinct(plain.filter(({ isUnique }) => !isUnique).map((index) => namesOf(index.columns))),
    checks: Object.fromEntries([
      ...checks,
      ...metadata.checks.map(({ givenName, expression }, n) => [givenName ?? `rule_${n + 1}`, expression]),
    ]),
    refused: refusals(metadata),
    conditionalIndexes: indices.flatMap(({ where, isUnique, columns: indexed }) =>
      where ? [{ columns: namesOf(indexed), isUnique, condition: where }] : [],
    ),
  };
}

function referencesOf(
  table: string,
  columns: readonly string[],
  referenceTables: ReadonlySet<string>,
): ForeignKey['references'] {
  return referenceTables.has(table) ? { referenceTable: table, columns } : { table, columns };
}

function refusals(metadata: EntityMetadata): string[] {
  const { name, schema, exclusions, indices, foreignKeys, columns, primaryColumns } = metadata;
  const special = indices.filter(({ isSpatial, isFulltext, synchronize }) => synchronize && (isSpatial || isFulltext));
  // TypeORM's own choice for the tables of many-to-many relations, which refer to primary keys.
  const isJoined = metadata.isJunction || metadata.isClosureJunction;
  const keys = foreignKeys.filter(
    ({ onUpdate, onDelete, deferrable }) =>
      (onUpdate && onUpdate !== 'NO ACTION' && !isJoined) || (onDelete as string) === 'SET DEFAULT' || deferrable,
  );
  return [
    ...(schema ? [`entity ${name} names the schema ${schema}: a tenant's tables are in the tenant's`] : []),
    ...(namesOf(primaryColumns).length === 0 ? [`entity ${name} has no primary key`] : []),
    ...exclusions.map((exclusion) => `entity ${name} has the exclusion ${exclusion.name}`),
    ...special.map((index) => `entity ${name} has the spatial or full-text index ${index.name}`),
    ...keys.map(
      (key) =>
        `a foreign key of entity ${name} (${namesOf(key.columns).join(', ')}) has ON UPDATE, SET DEFAULT or DEFERRABLE`,
    ),
    ...columns.flatMap((column) => {
      const reason = column.isVirtualProperty ? undefined : inexpressible(column);
      return reason === undefined ? [] : [`${name}.${column.propertyName} ${reason}`];
    }),
  ];
}

/** PostgreSQL does not index the referencing side, which is searched whenever a referenced row is deleted. */
function withReferencingIndexes(table: DescribedTable): DescribedTable {
  const { primaryKey, unique, indexes, foreignKeys } = table;
  const isIndexed = (columns: readonly string[], by: readonly (readonly string[])[]): boolean =>
    by.some((indexed) => columns.every((column, n) => indexed[n] === column));
  const added = foreignKeys
    .map(({ columns }) => columns)
    .filter((columns) => !isIndexed(columns, [primaryKey, ...unique, ...indexes]));
  return { ...table, indexes: distinct([...indexes, ...added]) };
}

/** Where entities share a table, the first one's column counts: TypeORM lists the parent first, and makes its children's nullable. */
function merged(former: DescribedTable | undefined, table: DescribedTable): DescribedTable {
  if (!former) return table;
  const foreignKeys = new Map([...table.foreignKeys, ...former.foreignKeys].map((key) => [key.columns.join(), key]));
  return {
    ...former,
    columns: { ...table.columns, ...former.columns },
    unique: distinct([...former.unique, ...table.unique]),
    foreignKeys: [...foreignKeys.values()],
    indexes: distinct([...former.indexes, ...table.indexes]),
    checks: { ...table.checks, ...former.checks },
    conditionalIndexes: former.conditionalIndexes,
    refused: [...new Set([...former.refused, ...table.refused])],
  };
}

/** Without the tenant, which `createTenantTable` puts in front. */
function namesOf(columns: readonly { readonly databaseName: string }[]): string[] {
  return columns.map(({ databaseName }) => databaseName).filter((name) => name !== TENANT_COLUMN);
}

function distinct(lists: readonly (readonly string[])[]): (readonly string[])[] {
  return [...new Map(lists.filter((list) => list.length > 0).map((list) => [JSON.stringify(list), list])).values()];
}
