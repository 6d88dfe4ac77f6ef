import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { ObjectStore } from '../../object-store/object-store.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { ArchiveStore } from '../stored-archives/archive-store.js';

/**
 * One that is no longer needed: it has expired and is not the newest of a tenant that exists, or its operation has ended before it
 * was read back. Locked, so that a retry of that operation waits, and instances take different ones.
 */
const NEXT = `
  SELECT b.id, b.object_key FROM backups b
  WHERE (b.expires_at < now() AND NOT (b.state = 'kept' AND EXISTS (SELECT FROM tenants t WHERE t.id = b.tenant_id)
           AND NOT EXISTS (SELECT FROM backups newer WHERE newer.tenant_id = b.tenant_id AND newer.state = 'kept'
                           AND (newer.taken_at, newer.id) > (b.taken_at, b.id)))
     OR b.state = 'writing' AND NOT EXISTS (
           SELECT FROM operations o WHERE o.id = b.operation_id AND o.status IN ('pending', 'running')))
    AND NOT EXISTS (SELECT FROM operations o WHERE o.status IN ('pending', 'running')
      AND (o.kind IN ('drill', 'restore') AND o.input ->> 'backupId' = b.id::text
        OR o.kind = 'import' AND o.input -> 'source' ->> 'id' = b.id::text))
    AND NOT b.id = ANY ($1::uuid[])
  ORDER BY b.created_at LIMIT 1 FOR UPDATE OF b SKIP LOCKED`;

/** Removes backups that are no longer needed, with their objects. */
@Injectable()
export class BackupRetention {
  private readonly logger = new Logger('Backups');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly stores: ArchiveStore,
  ) {}

  /** @returns how many backups it has removed */
  async sweep(signal: AbortSignal = new AbortController().signal): Promise<number> {
    const store = await this.stores.open();
    const seen: string[] = [];
    let removed = 0;
    for (;;) {
      if (signal.aborted) break;
      const outcome = await this.catalog.transaction((catalog) => this.removeNext(catalog, store, seen));
      if (outcome === 'none') break;
      if (outcome === 'removed') removed += 1;
    }
    return removed;
  }

  /** A row without its object would be worse than an object without its row: the object goes first. */
  private async removeNext(
    catalog: EntityManager,
    store: ObjectStore,
    seen: string[],
  ): Promise<'none' | 'removed' | 'failed'> {
    const [next] = await catalog.query<{ id: string; object_key: string }[]>(NEXT, [seen]);
    if (!next) return 'none';
    seen.push(next.id);
    try {
      await store.delete(next.object_key);
    } catch (error) {
      this.logger.warn(`Cannot remove the backup ${next.id}: ${reasonOf(error)}`);
      return 'failed';
    }
    await catalog.query('DELETE FROM backups WHERE id = $1', [next.id]);
    return 'removed';
  }
}
