import type { Driver, EntityMetadata, SelectQueryBuilder } from 'typeorm';
import type { Alias } from 'typeorm/query-builder/Alias.js';
import type { JoinAttribute } from 'typeorm/query-builder/JoinAttribute.js';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { RawSqlResultsToEntityTransformer } from 'typeorm/query-builder/transformer/RawSqlResultsToEntityTransformer.js';
import { dataSourceOf } from '../../platform/postgres/typeorm-versions.js';

type ExpressionMap = SelectQueryBuilder<object>['expressionMap'];

/** How the rows of a query become entities of one of its aliases. */
export interface HydrationPlan {
  readonly metadata: EntityMetadata;
  /** The names of the primary key's columns in a row. */
  readonly keys: readonly string[];
  readonly columns: readonly PlannedColumn[];
  readonly joins: readonly PlannedJoin[];
}

interface PlannedColumn {
  readonly metadata: ColumnMetadata;
  /** In a row. */
  readonly name: string;
  /** Undefined in an embedded entity. */
  readonly property: string | undefined;
  /** Whether TypeORM leaves the column's values as they are: all of them, or all but texts. */
  readonly keeps: 'nothing' | 'all' | 'all but texts';
}

interface PlannedJoin {
  readonly plan: HydrationPlan;
  readonly isMany: boolean;
  /** A property that is not the relation's. */
  readonly mappedProperty: string | undefined;
  readonly relation: JoinAttribute['relation'];
}

/**
 * @returns undefined for a query whose rows are left to TypeORM: with a table of many classes, a view, a relation's ids, or
 *   an entity whose primary key is not read
 */
export function planOf(builder: SelectQueryBuilder<object>): HydrationPlan | undefined {
  const map = builder.expressionMap;
  return map.mainAlias && new HydrationPlanner(map, dataSourceOf(builder).driver).planOf(map.mainAlias);
}

/** What TypeORM's transformer knows about columns (1.1.1 and 0.3.31: query-builder/transformer). */
interface ColumnNames {
  /** The columns of an alias that are read into its entities, with their names in a row. */
  getColumnsToProcess(aliasName: string, metadata: EntityMetadata): readonly (readonly [string, ColumnMetadata])[];
  buildAlias(aliasName: string, columnName: string): string;
}

/** Whether this version of TypeORM has what plans are made with. */
export function canPlan(): boolean {
  const { getColumnsToProcess, buildAlias } = RawSqlResultsToEntityTransformer.prototype as unknown as ColumnNames;
  return typeof getColumnsToProcess === 'function' && typeof buildAlias === 'function';
}

/** Which column has which name is TypeORM's to say. */
class HydrationPlanner {
  private readonly planned = new Set<string>();
  private readonly names: ColumnNames;

  constructor(
    private readonly map: ExpressionMap,
    driver: Driver,
  ) {
    this.names = new RawSqlResultsToEntityTransformer(map, driver, []) as unknown as ColumnNames;
  }

  planOf(alias: Alias): HydrationPlan | undefined {
    if (!alias.hasMetadata || this.planned.has(alias.name)) return undefined;
    this.planned.add(alias.name);
    const { metadata } = alias;
    if (!isPlain(metadata)) return undefined;
    const columns = this.names
      .getColumnsToProcess(alias.name, metadata)
      .map(([name, column]) => plannedColumn(name, column));
    if (!this.readsKey(alias.name, metadata, columns)) return undefined;
    const joins = this.joinsOf(alias);
    const keys = metadata.primaryColumns.map(({ databaseName }) => this.names.buildAlias(alias.name, databaseName));
    return joins && { metadata, keys, columns, joins };
  }

  /** What is selected as a whole comes without columns that have `select: false`. */
  private readsKey(aliasName: string, metadata: EntityMetadata, columns: readonly PlannedColumn[]): boolean {
    const isWhole = this.map.selects.some(({ selection }) => selection === aliasName);
    const isRead = (key: ColumnMetadata): boolean =>
      (key.isSelect || !isWhole) && columns.some((column) => column.metadata === key);
    return metadata.primaryColumns.length > 0 && metadata.primaryColumns.every(isRead);
  }

  /** @returns undefined when one of them is left to TypeORM */
  private joinsOf(parent: Alias): readonly PlannedJoin[] | undefined {
    const joins: PlannedJoin[] = [];
    for (const join of this.map.joinAttributes) {
      if (!isReadInto(parent, join)) continue;
      const plan = this.planOf(join.alias);
      if (!plan) return undefined;
      const { isMany, relation, mapToPropertyPropertyName: mappedProperty } = join;
      joins.push({ plan, isMany, relation, mappedProperty });
    }
    return joins;
  }
}

function isPlain(metadata: EntityMetadata): boolean {
  // TypeORM 0.3 has counts of relations as well.
  const { relationCounts = [] } = metadata as { readonly relationCounts?: readonly unknown[] };
  return (
    metadata.tableType !== 'view' &&
    !metadata.discriminatorColumn &&
    metadata.childEntityMetadatas.length === 0 &&
    metadata.relationIds.length === 0 &&
    relationCounts.length === 0 &&
    !metadata.columns.some(({ isVirtualProperty }) => isVirtualProperty)
  );
}

function isReadInto({ name, metadata }: Alias, join: JoinAttribute): boolean {
  if (!join.metadata || !join.isSelected) return false;
  if (join.relation && !metadata.relations.includes(join.relation)) return false;
  if (join.mapToProperty) return join.mapToPropertyParentAlias === name;
  return (
    join.relation?.propertyPath === join.relationPropertyPath &&
    join.relation !== undefined &&
    join.parentAlias === name
  );
}

function plannedColumn(name: string, metadata: ColumnMetadata): PlannedColumn {
  return {
    metadata,
    name,
    property: metadata.embeddedMetadata ? undefined : metadata.propertyName,
    keeps: kept(metadata),
  };
}

const KEPT: ReadonlySet<unknown> = new Set([
  ...[String, 'text', 'varchar', 'character varying', 'char', 'character', 'citext', 'uuid', 'inet', 'bytea'],
  ...['int', 'int2', 'int4', 'int8', 'integer', 'smallint', 'bigint', 'numeric', 'decimal'],
  ...['float', 'float4', 'float8', 'real', 'double precision', 'bool', 'boolean', 'json', 'jsonb'],
]);
const DATES: ReadonlySet<unknown> = new Set([
  ...[Date, 'timestamp', 'timestamptz', 'timestamp with time zone', 'timestamp without time zone'],
]);

/** The types that `PostgresDriver#prepareHydratedValue` does nothing about. */
function kept({ type, transformer }: ColumnMetadata): PlannedColumn['keeps'] {
  if (transformer) return 'nothing';
  if (KEPT.has(type)) return 'all';
  return DATES.has(type) ? 'all but texts' : 'nothing';
}
