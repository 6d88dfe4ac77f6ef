import type { DataSource } from 'typeorm';

/**
 * Freezes what all tenants' data sources share: the metadata graph, the options and the list of subscribers. TypeORM, 0.3
 * and 1.x, does not write to them once they are built; any other code that tries throws instead of changing them for all
 * tenants.
 */
export function freezeShared({ entityMetadatas, options, subscribers, migrations }: DataSource): void {
  for (const shared of [options, subscribers, migrations]) Object.freeze(shared);
  const pending: unknown[] = [entityMetadatas];
  while (pending.length > 0) {
    const node = pending.pop();
    if (!isGraphNode(node) || Object.isFrozen(node)) continue;
    Object.freeze(node);
    pending.push(...Object.values(node));
  }
}

/** TypeORM's metadata objects and arrays of them; never the template itself or objects that belong to an entity's author. */
function isGraphNode(value: unknown): value is object {
  return Array.isArray(value) ? value.every(isMetadata) : isMetadata(value);
}

// By name, because TypeORM exports only two of these eleven classes.
function isMetadata(value: unknown): value is object {
  return typeof value === 'object' && value !== null && /Metadata$/.test(value.constructor?.name);
}
