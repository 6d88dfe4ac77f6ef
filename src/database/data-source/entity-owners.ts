import type { EntityMetadata } from 'typeorm';
import { processWide } from '../../platform/process-wide.js';
import { WrongTenantError } from '../statements/wrong-tenant.js';

/** A constructor that returns the given object, so that a class derived from it adds its private fields to that object. */
const Existing = function (entity: object) {
  return entity;
} as unknown as new (entity: object) => object;

/**
 * The tenant that an entity was loaded or saved for, in a private field of the entity itself: invisible to every other
 * code, not copied with its values, gone with it. A WeakMap would cost thirty times as much per row: it has to be rehashed
 * as it grows, and the garbage collector visits its entries apart.
 */
const Owner = processWide(
  'entity-owner',
  () =>
    class EntityOwner extends Existing {
      #tenantId: string | undefined;

      static of(entity: object): string | undefined {
        return #tenantId in entity ? entity.#tenantId : undefined;
      }

      static set(entity: object, tenantId: string): void {
        const owned = #tenantId in entity ? entity : new EntityOwner(entity);
        owned.#tenantId = tenantId;
      }
    },
);

/** Entities of reference tables belong to no tenant: what was loaded for one may be used for another. */
const referenceEntities = processWide('reference-entities', () => new WeakSet<EntityMetadata>());

export function markReferenceEntity(metadata: EntityMetadata): void {
  referenceEntities.add(metadata);
}

export function isReferenceEntity(metadata: EntityMetadata): boolean {
  return referenceEntities.has(metadata);
}

export function rememberOwner(entity: object, tenantId: string): void {
  Owner.set(entity, tenantId);
}

/**
 * Refuses an entity of another tenant, or one that refers to such an entity: written with this tenant's connection, it
 * would be copied to this tenant, or change a row of this tenant that has the same key.
 *
 * @throws WrongTenantError
 */
export function assertOwned(metadata: EntityMetadata, entity: object, tenantId: string): void {
  for (const each of withRelated(metadata, entity).keys()) assertOwner(metadata, each, tenantId);
}

/**
 * Refuses to return an entity of another tenant, alone or in a list: what is shared between calls, such as a data loader that
 * was created once, may hold it.
 *
 * @throws WrongTenantError
 */
export function assertReturnable(value: unknown, tenantId: string): void {
  for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
    const ownerId = isObject(each) ? Owner.of(each) : undefined;
    if (ownerId === undefined || ownerId === tenantId) continue;
    throw new WrongTenantError(
      `an entity of tenant ${ownerId} was about to be returned to tenant ${tenantId}: what loads entities must belong to one call, see tenantScopedLoader`,
      ownerId,
      tenantId,
    );
  }
}

/** Remembers an entity that was saved, and all that were saved with it. */
export function rememberOwnerOfAll(metadata: EntityMetadata, entity: object, tenantId: string): void {
  for (const [each, itsMetadata] of withRelated(metadata, entity)) {
    if (!isReferenceEntity(itsMetadata)) rememberOwner(each, tenantId);
  }
}

function assertOwner({ name }: EntityMetadata, entity: object, tenantId: string): void {
  const ownerId = Owner.of(entity);
  if (ownerId === undefined || ownerId === tenantId) return;
  throw new WrongTenantError(
    `${name}: an entity of tenant ${ownerId} was about to be written for tenant ${tenantId}: to copy it, create a new entity from its values`,
    ownerId,
    tenantId,
  );
}

/** The entity and everything that it refers to, each once, with its metadata. */
function withRelated(
  metadata: EntityMetadata,
  entity: object,
  seen = new Map<object, EntityMetadata>(),
): Map<object, EntityMetadata> {
  if (seen.has(entity)) return seen;
  seen.set(entity, metadata);
  const actual = metadata.findInheritanceMetadata(entity);
  for (const [, related, inverse] of actual.extractRelationValuesFromEntity(entity, actual.relations)) {
    if (isObject(related)) withRelated(inverse, related, seen); // otherwise it is the key of a related entity
  }
  return seen;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
