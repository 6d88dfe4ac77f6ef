import { BaseEntity, type EntityMetadata, type EntityTarget, type ObjectLiteral } from 'typeorm';
import { CodedError } from '../../errors/coded-error.js';

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
    .filter((entity) => typeof entity === 'function' && entity.prototype instanceof BaseEntity)
    .map((entity) => `${(entity as { name: string }).name} extends BaseEntity (use a repository)`);
  if (reasons.length > 0) throw new UnsupportedEntityError(reasons);
}

/**
 * Lazy relations load through the graph's own data source, which is never connected. A schema or database fixed on the
 * entity would lead every tenant to the same tables.
 */
export function refuseUnshareable(metadatas: readonly EntityMetadata[]): void {
  const reasons = metadatas.flatMap((metadata) => [
    ...metadata.lazyRelations.map(
      ({ propertyName }) => `${metadata.name}.${propertyName} is a lazy relation (load it with \`relations\`)`,
    ),
    ...(metadata.schema === undefined ? [] : [`${metadata.name} fixes the schema "${metadata.schema}"`]),
    ...(metadata.database === undefined ? [] : [`${metadata.name} fixes the database "${metadata.database}"`]),
  ]);
  if (reasons.length > 0) throw new UnsupportedEntityError(reasons);
}
