import type { DataSource } from 'typeorm';

/**
 * Freezes what every tenant's data source shares: the metadata graph, the options, the list of subscribers. TypeORM
 * 1.1 writes to none of it once it is built; whatever else would, throws instead of changing it for all tenants.
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

/** TypeORM's metadata objects and lists of them; never the template itself, nor what an entity's author wrote. */
function isGraphNode(value: unknown): value is object {
  return Array.isArray(value) ? value.every(isMetadata) : isMetadata(value);
}

// By name, because TypeORM exports only two of these eleven classes.
function isMetadata(value: unknown): value is object {
  return typeof value === 'object' && value !== null && /Metadata$/.test(value.constructor?.name);
}
