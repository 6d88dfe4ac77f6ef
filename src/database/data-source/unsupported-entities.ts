import { type EntityMetadata, type EntityTarget, InstanceChecker, type ObjectLiteral } from 'typeorm';
import { entityClass } from '../../platform/postgres/entity-names.js';
import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised at startup for entities that do not work with many data sources sharing one metadata graph. */
export class UnsupportedEntityError extends CodedError {
  readonly code = 'UNSUPPORTED_ENTITY';

  constructor(readonly reasons: readonly string[]) {
    super(`these entities cannot be shared by tenants: ${reasons.join('; ')}`);
  }
}

/** Active record binds a class to one global data source, so one tenant's rows would go to another tenant's database. */
export function refuseActiveRecord(entities: readonly EntityTarget<ObjectLiteral>[]): void {
  const reasons = entities
    .map(entityClass)
    .filter((target) => InstanceChecker.isBaseEntityConstructor(target))
    .map(({ name }) => `${name} extends BaseEntity (use a repository)`);
  if (reasons.length > 0) throw new UnsupportedEntityError(reasons);
}

/**
 * Lazy relations load through the graph's own data source, which is never connected. A schema or database fixed on an
 * entity would lead all tenants to the same tables. A materialized view has no row-level security.
 */
export function refuseUnshareable(metadatas: readonly EntityMetadata[]): void {
  const reasons = metadatas.flatMap((metadata) => [
    ...metadata.lazyRelations.map(
      ({ propertyPath }) => `${metadata.name}.${propertyPath} is a lazy relation (load it with \`relations\`)`,
    ),
    ...fixedLocations(metadata),
    ...(metadata.tableMetadataArgs.materialized === true
      ? [`${metadata.name} is a materialized view, which row-level security does not protect`]
      : []),
  ]);
  if (reasons.length > 0) throw new UnsupportedEntityError(reasons);
}

function fixedLocations({ name, schema, database, tableName }: EntityMetadata): string[] {
  return [
    ...(schema === undefined ? [] : [`${name} fixes the schema "${schema}"`]),
    ...(database === undefined ? [] : [`${name} fixes the database "${database}"`]),
    // TypeORM quotes the parts of a dotted table name separately, as schema and table.
    ...(tableName.includes('.') ? [`${name} fixes a schema in its table name "${tableName}"`] : []),
  ];
}
