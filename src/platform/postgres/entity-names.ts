import { type EntityTarget, InstanceChecker, type ObjectLiteral } from 'typeorm';

type Entity = EntityTarget<ObjectLiteral>;

/** What TypeORM calls the entity: the name of its class, or that of its `EntitySchema`. */
export function entityName(entity: Entity): string {
  if (typeof entity === 'string') return entity;
  return 'options' in entity ? entity.options.name : entity.name;
}

/** The class of an entity, including one described by an `EntitySchema`; undefined for one without a class. */
export function entityClass(entity: Entity): unknown {
  return InstanceChecker.isEntitySchema(entity) ? entity.options.target : entity;
}

/** Whether both are the same entity: relations and repositories may name it by its class, its schema or its name. */
export function isSameEntity(a: Entity, b: Entity): boolean {
  if (a === b) return true;
  const [classOfA, classOfB] = [entityClass(a), entityClass(b)];
  if (classOfA !== undefined && classOfA === classOfB) return true;
  return (typeof a === 'string' || typeof b === 'string') && entityName(a) === entityName(b);
}
