import { type EntityTarget, getMetadataArgsStorage, InstanceChecker, type ObjectLiteral } from 'typeorm';
import { migrationName } from '../database/table-migrations/versions/migration-names.js';
import type { TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { entityClass, entityName, isSameEntity } from '../platform/postgres/entity-names.js';
import type { CentralTables } from './central-tables.js';
import { MixedTablesError } from './central.errors.js';

type Entity = EntityTarget<ObjectLiteral>;

interface Relation {
  readonly property: string;
  readonly to: Entity;
}

/**
 * Refuses what would be in both kinds of tables, or would need a join of both: they are in different databases.
 *
 * @throws MixedTablesError
 */
export function refuseMixedTables(
  tenants: Pick<TenantSchema, 'entities' | 'migrations'>,
  central: Pick<CentralTables, 'entities' | 'migrations'>,
): void {
  const inBoth = (kind: string) => (name: string) => `the ${kind} ${name} is given to forFeature and to forCentral`;
  const reasons = [
    ...central.entities
      .filter((entity) => includes(tenants.entities, entity))
      .map(entityName)
      .map(inBoth('entity')),
    ...central.migrations
      .filter((migration) => tenants.migrations.includes(migration))
      .map((migration) => migrationName(migration))
      .map(inBoth('migration')),
  ];
  if (reasons.length === 0) {
    reasons.push(
      ...relationsAcross(central.entities, tenants.entities, 'an entity of tenants'),
      ...relationsAcross(tenants.entities, central.entities, 'a central entity'),
    );
  }
  if (reasons.length > 0) throw new MixedTablesError(reasons);
}

function includes(entities: readonly Entity[], wanted: Entity): boolean {
  return entities.some((entity) => isSameEntity(entity, wanted));
}

function relationsAcross(from: readonly Entity[], others: readonly Entity[], what: string): string[] {
  return from.flatMap((entity) =>
    relationsOf(entity)
      .filter(({ to }) => includes(others, to))
      .map(
        ({ property, to }) => `${entityName(entity)}.${property} relates to ${entityName(to)}, ${what}: keep its id`,
      ),
  );
}

/** Read before TypeORM builds its metadata, because that fails with another error. */
function relationsOf(entity: Entity): Relation[] {
  const described = InstanceChecker.isEntitySchema(entity) ? Object.entries(entity.options.relations ?? {}) : [];
  return [
    ...described.map(([property, relation]) => ({ property, to: targetOf(relation?.target) })),
    ...decoratedRelations(entityClass(entity), ''),
  ].filter((relation): relation is Relation => relation.to !== undefined);
}

function decoratedRelations(target: unknown, path: string): { property: string; to: Entity | undefined }[] {
  if (typeof target !== 'function') return [];
  const classes = inheritance(target);
  const storage = getMetadataArgsStorage();
  const relations = storage.relations.filter((relation) => classes.includes(relation.target));
  const embedded = storage.embeddeds.filter((each) => classes.includes(each.target));
  return [
    ...relations.map(({ propertyName, type }) => ({ property: path + propertyName, to: targetOf(type) })),
    ...embedded.flatMap(({ propertyName, type }) =>
      decoratedRelations((type as () => unknown)(), `${path}${propertyName}.`),
    ),
  ];
}

/** The class and those that it extends, whose columns and relations it has, too. */
function inheritance(target: unknown): unknown[] {
  const classes: unknown[] = [];
  for (let each = target; typeof each === 'function' && each !== Function.prototype; each = Object.getPrototypeOf(each))
    classes.push(each);
  return classes;
}

/** A relation names its entity directly, or by a function that returns it. */
function targetOf(type: unknown): Entity | undefined {
  if (typeof type !== 'function' || isClass(type)) return type as Entity | undefined;
  return (type as () => Entity | undefined)();
}

function isClass(value: object): boolean {
  return getMetadataArgsStorage().tables.some(({ target }) => target === value);
}
