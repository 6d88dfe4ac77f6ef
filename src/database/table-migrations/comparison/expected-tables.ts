import type { DataSource, EntityMetadata } from 'typeorm';

type ColumnMetadata = EntityMetadata['columns'][number];

/** A column as an entity maps it. */
export interface ExpectedColumn {
  readonly name: string;
  /** As TypeORM normalises it, without length: `character varying`; `enum` for its own types. */
  readonly type: string;
  readonly isArray: boolean;
  /** Longest text; undefined without a limit. */
  readonly length: number | undefined;
  readonly labels: readonly string[];
  readonly isNullable: boolean;
  /** Whether inserts leave the value to the database. */
  readonly needsDefault: boolean;
}

/** A table as an entity maps it. */
export interface ExpectedTable {
  readonly entity: string;
  readonly table: string;
  readonly isView: boolean;
  /** Whether it is one of `TenantSchema.referenceEntities`. */
  readonly isReference: boolean;
  readonly columns: readonly ExpectedColumn[];
  readonly primaryKey: readonly string[];
  readonly uniqueKeys: readonly (readonly string[])[];
}

/** What is known of entities; never connected. */
export type EntityGraph = Pick<DataSource, 'entityMetadatas' | 'driver'> & {
  /** Names of the tables of reference entities. */
  readonly referenceTables?: ReadonlySet<string>;
};

/**
 * The tables that the entities of a data source need. An entity with `synchronize: false`, TypeORM's mark of a table that
 * is not its own, is left out.
 */
export function expectedTables({ entityMetadatas, driver, referenceTables }: EntityGraph): ExpectedTable[] {
  return entityMetadatas
    .filter(({ synchronize }) => synchronize)
    .map((metadata) => ({
      ...expectedTable(metadata, driver),
      isReference: referenceTables?.has(metadata.tableName) ?? false,
    }));
}

function expectedTable(metadata: EntityMetadata, driver: DataSource['driver']): Omit<ExpectedTable, 'isReference'> {
  const columns = metadata.columns.filter(({ isVirtualProperty }) => !isVirtualProperty);
  const namesOf = (list: readonly ColumnMetadata[]): string[] => list.map(({ databaseName }) => databaseName);
  return {
    entity: metadata.name,
    table: metadata.tableName,
    isView: metadata.tableType === 'view',
    columns: columns.map((column) => expectedColumn(column, driver)),
    primaryKey: namesOf(metadata.primaryColumns),
    uniqueKeys: [
      ...metadata.uniques.map((unique) => namesOf(unique.columns)),
      ...metadata.indices
        .filter(({ isUnique, where, synchronize }) => isUnique && !where && synchronize)
        .map((index) => namesOf(index.columns)),
    ],
  };
}

function expectedColumn(column: ColumnMetadata, driver: DataSource['driver']): ExpectedColumn {
  const { isNullable, isArray, isGenerated, isCreateDate, isUpdateDate, isDeleteDate, enum: labels = [] } = column;
  const isEnum = column.type === 'enum' || column.type === 'simple-enum';
  const length = Number(driver.getColumnLength(column));
  return {
    name: column.databaseName,
    type: isEnum ? 'enum' : driver.normalizeType(column),
    isArray,
    length: length > 0 ? length : undefined,
    labels: labels.map(String),
    // In TypeORM a relation is nullable by default, and few entities set `nullable: false`.
    isNullable: (isNullable && !column.relationMetadata) || isDeleteDate,
    needsDefault: isGenerated || isCreateDate || isUpdateDate || column.default != null,
  };
}
