import {
  type DataSource,
  EntityManager,
  type EntityMetadata,
  type EntityTarget,
  InstanceChecker,
  type ObjectLiteral,
} from 'typeorm';
import { dataSourceOf } from '../../platform/postgres/typeorm-versions.js';
import { assertOwned, isObject, rememberOwnerOfAll } from './entity-owners.js';

type Write = (this: TenantEntityManager, ...parameters: unknown[]) => Promise<unknown>;

/** Methods whose entities are the first argument, or the second one behind their class. */
const SAVING = ['save', 'remove', 'softRemove', 'recover'] as const;
/** Methods whose second argument is the values to write: entities, or plain values that many tenants may share. */
const INSERTING = ['insert', 'upsert'] as const;

/** An entity manager that writes no entity of another tenant. */
export class TenantEntityManager extends EntityManager {
  constructor(
    dataSource: DataSource,
    readonly tenantId: string,
    queryRunner?: EntityManager['queryRunner'],
  ) {
    super(dataSource, queryRunner);
  }
}

for (const name of SAVING) {
  guard(name, (target, second) => (isEntityTarget(target) ? { target, values: second } : { values: target }), isObject);
}
for (const name of INSERTING) guard(name, (target, values) => ({ target, values }), isEntity);
guard(
  'update',
  (target, _criteria, values) => ({ target, values }),
  () => false,
);

interface Written {
  /** By default each entity's own class. */
  readonly target?: unknown;
  readonly values: unknown;
}

/** @param isRemembered whether a written object belongs to the tenant from then on */
function guard(
  name: (typeof SAVING)[number] | (typeof INSERTING)[number] | 'update',
  writtenOf: (...parameters: unknown[]) => Written,
  isRemembered: (value: unknown) => boolean,
): void {
  const write = EntityManager.prototype[name] as Write;
  const guarded: Write = async function (...parameters) {
    const { target, values } = writtenOf(...parameters);
    const entities = [values].flat().filter(isObject);
    const each = (check: typeof assertOwned, written: readonly object[]): void => {
      for (const entity of written) {
        const metadata = metadataOf(this, target ?? entity.constructor);
        if (metadata) check(metadata, entity, this.tenantId);
      }
    };
    each(assertOwned, entities);
    const result = await write.apply(this, parameters);
    each(rememberOwnerOfAll, entities.filter(isRemembered));
    return result;
  };
  Object.defineProperty(TenantEntityManager.prototype, name, { value: guarded });
}

function metadataOf(manager: EntityManager, target: unknown): EntityMetadata | undefined {
  const dataSource = dataSourceOf(manager);
  const known = target as EntityTarget<ObjectLiteral>;
  return dataSource.hasMetadata(known) ? dataSource.getMetadata(known) : undefined; // TypeORM reports the mistake
}

function isEntityTarget(value: unknown): boolean {
  return typeof value === 'function' || typeof value === 'string' || InstanceChecker.isEntitySchema(value);
}

/** An instance of a class, unlike values such as `{ key: 'theme' }`. */
function isEntity(value: unknown): boolean {
  return isObject(value) && Object.getPrototypeOf(value) !== Object.prototype;
}
