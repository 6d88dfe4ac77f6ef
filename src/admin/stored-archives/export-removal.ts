import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { ArchiveStore } from './archive-store.js';

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly object_key: string;
  /** The operation that writes it, or an import that reads it. */
  readonly used_by: string | null;
}

const FIND = `
  SELECT e.id, e.tenant_id, e.object_key,
         (SELECT min(o.kind || ' ' || o.id) FROM operations o WHERE o.status IN ('pending', 'running')
            AND (o.id = e.id OR o.kind = 'import' AND o.input -> 'source' ->> 'key' = e.object_key)) AS used_by
  FROM exports e`;

/** One that has expired, is of a tenant that is gone, or of an operation that has ended before it was read back. */
const UNNEEDED = `
  SELECT e.id FROM exports e
  WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.id = e.tenant_id)
     OR e.expires_at < now()
     OR e.state = 'writing' AND NOT EXISTS (
          SELECT FROM operations o WHERE o.id = e.id AND o.status IN ('pending', 'running'))`;

/** Removes exports with their objects. */
@Injectable()
export class ExportRemoval {
  private readonly logger = new Logger('Archives');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly stores: ArchiveStore,
    private readonly audit: AuditLog,
  ) {}

  /** @throws NotFoundError, ConflictError (an operation writes or reads it), the errors of ObjectStore */
  async remove(id: string, actor: Actor): Promise<void> {
    const removed = await this.removeOne(id, async (catalog, { tenant_id: subjectId, object_key: objectKey }) => {
      const [tenant] = await catalog.query<{ slug: string }[]>('SELECT slug FROM tenants WHERE id = $1', [subjectId]);
      const subject = { subjectKind: 'tenant', subjectId, subject: tenant?.slug ?? subjectId } as const;
      await this.audit.record(catalog, { actor, action: 'export.delete', ...subject, before: { id, objectKey } });
    });
    if (!removed) throw new NotFoundError('export');
  }

  /** Removes those of a tenant that is being deleted; what cannot be removed stays on record. @returns how many it has removed */
  async removeOf(tenantId: string): Promise<number> {
    return this.removeAll(await this.catalog.query('SELECT id FROM exports WHERE tenant_id = $1', [tenantId]));
  }

  /** Removes those that have expired, of tenants that are gone, and of operations that have failed. @returns how many it has removed */
  async sweep(signal?: AbortSignal): Promise<number> {
    return this.removeAll(await this.catalog.query(UNNEEDED), signal);
  }

  private async removeAll(rows: readonly { readonly id: string }[], signal?: AbortSignal): Promise<number> {
    let removed = 0;
    for (const { id } of rows) {
      if (signal?.aborted === true) break;
      try {
        if (await this.removeOne(id)) removed += 1;
      } catch (error) {
        this.logger.warn(`Cannot remove the export ${id}: ${reasonOf(error)}`);
      }
    }
    return removed;
  }

  /**
   * A row without its object is harmless, an object without its row would never be removed: the object goes first. Not in a
   * transaction, because a store may take minutes to answer, and the catalog has few connections. From its withdrawal on, the
   * export is as one that was never read back: what fails here is removed by the sweep.
   *
   * @param onRemoved in the transaction that removes the row
   * @returns false when there is none
   */
  private async removeOne(
    id: string,
    onRemoved: (catalog: EntityManager, row: Row) => Promise<void> = async () => undefined,
  ): Promise<boolean> {
    const found = await this.catalog.transaction((catalog) => this.withdraw(catalog, id));
    if (!found) return false;
    const store = await this.stores.open();
    await store.delete(found.object_key);
    return this.catalog.transaction(async (catalog) => {
      const [, removed] = await catalog.query<[unknown, number]>('DELETE FROM exports WHERE id = $1', [id]);
      if (removed > 0) await onRemoved(catalog, found);
      return removed > 0;
    });
  }

  private async withdraw(catalog: EntityManager, id: string): Promise<Row | undefined> {
    const [found] = await catalog.query<Row[]>(`${FIND} WHERE e.id = $1 FOR UPDATE OF e`, [id]);
    if (found?.used_by) throw new ConflictError(`an operation uses the export: ${found.used_by}`);
    if (found) await catalog.query("UPDATE exports SET state = 'writing' WHERE id = $1", [id]);
    return found;
  }
}
