import { type EntityMetadata, type EntityTarget, InstanceChecker, type ObjectLiteral } from 'typeorm';
import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised at start when entities cannot work with many data sources over one metadata graph. */
export class UnsupportedEntityError extends CodedError {
  readonly code = 'UNSUPPORTED_ENTITY';

  constructor(readonly reasons: readonly string[]) {
    super(`these entities cannot be served to tenants: ${reasons.join('; ')}`);
  }
}

/** Active record binds a class to one global data source: the next tenant's rows would go to the last tenant's database. */
export function refuseActiveRecord(entities: readonly EntityTarget<ObjectLiteral>[]): void {
  const reasons = entities
    .map(classOf)
    .filter((target) => InstanceChecker.isBaseEntityConstructor(target))
    .map(({ name }) => `${name} extends BaseEntity (use a repository)`);
  if (reasons.length > 0) throw new UnsupportedEntityError(reasons);
}

/** The class behind an entity, also when an `EntitySchema` describes it. */
function classOf(entity: EntityTarget<ObjectLiteral>): unknown {
  return InstanceChecker.isEntitySchema(entity) ? entity.options.target : entity;
}

/**
 * Lazy relations load through the graph's own data source, which is never connected. A place fixed on the entity would
 * lead every tenant to the same tables. A materialized view has no row-level security.
 */
export function refuseUnshareable(metadatas: readonly EntityMetadata[]): void {
  const reasons = metadatas.flatMap((metadata) => [
    ...metadata.lazyRelations.map(
      ({ propertyPath }) => `${metadata.name}.${propertyPath} is a lazy relation (load it with \`relations\`)`,
    ),
    ...fixedLocations(metadata),
    ...(metadata.tableMetadataArgs.materialized === true
      ? [`${metadata.name} is a materialized view, whose rows no policy holds`]
      : []),
  ]);
  if (reasons.length > 0) throw new UnsupportedEntityError(reasons);
}

function fixedLocations({ name, schema, database, tableName }: EntityMetadata): string[] {
  return [
    ...(schema === undefined ? [] : [`${name} fixes the schema "${schema}"`]),
    ...(database === undefined ? [] : [`${name} fixes the database "${database}"`]),
    // TypeORM quotes each part of a dotted table name by itself, as schema and table.
    ...(tableName.includes('.') ? [`${name} fixes a schema in its table name "${tableName}"`] : []),
  ];
}
