import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { TenantStatus } from '../../catalog/model/tenant.js';
import type { ArchiveLock } from '../../database/archives/format/locks.js';
import type { ArchiveManifest } from '../../database/archives/format/manifest.js';
import { transferArchive } from '../../database/archives/transfer-archive.js';
import type { ArchiveOptions } from '../../database/archives/write-archive.js';
import { type JsonLinesSink, writeJsonLines } from '../../database/archives/write-json-lines.js';
import type { CopyPlace } from '../../database/copy/copy-place.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { TenantRecords } from '../tenants/tenant-records.js';

/** In these a tenant has its rows; in the last one until their deletion begins. */
const HAS_ROWS: ReadonlySet<TenantStatus> = new Set(['active', 'suspended', 'maintenance', 'deleting']);

/** Reads one tenant's rows out of the installation, while it works. */
@Injectable()
export class ArchiveExports {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly records: TenantRecords,
    private readonly targets: TargetDatabases,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Writes an archive.
   *
   * @param save reads the archive's bytes to their end, and then calls `confirm`: what it has saved is worth nothing when that
   *   rejects
   * @throws NotFoundError, ConflictError (it has no rows yet, or was moved meanwhile), ArchiveRefusedError, the error of `save`,
   *   the signal's reason
   */
  async export(
    slugOrId: string,
    lock: ArchiveLock,
    save: (bytes: Readable, confirm: () => Promise<void>) => Promise<void>,
    actor: Actor,
    options: ArchiveOptions,
  ): Promise<ArchiveManifest> {
    const { manifest } = await this.reading(slugOrId, 'archive', actor, options.signal, (place, tenant) =>
      transferArchive({ place, tenant, lock }, (bytes) => save(bytes, () => this.assertComplete(tenant)), options),
    );
    return manifest;
  }

  /** Writes each table's rows as JSON lines. @throws the same */
  async exportJsonLines(slugOrId: string, sink: JsonLinesSink, actor: Actor, options: ArchiveOptions): Promise<void> {
    await this.reading(slugOrId, 'json-lines', actor, options.signal, async (place, tenant) => {
      await writeJsonLines(place, tenant.id, sink, options);
      await this.assertComplete(tenant);
    });
  }

  private async reading<T>(
    slugOrId: string,
    format: string,
    actor: Actor,
    signal: AbortSignal,
    work: (place: CopyPlace, tenant: TenantEntity) => Promise<T>,
  ): Promise<T> {
    const tenant = await this.catalog.transaction(async (catalog) => {
      const found = await this.records.lock(catalog, slugOrId);
      if (!HAS_ROWS.has(found.status)) throw new ConflictError(`the tenant is ${found.status}`);
      const subject = { subjectKind: 'tenant', subjectId: found.id, subject: found.slug } as const;
      await this.audit.record(catalog, { actor, action: 'tenant.export', ...subject, after: { format } });
      return found;
    });
    const { targetId, schema, isolation } = tenant;
    const target = await this.targets.find(targetId ?? '');
    await this.assertComplete(tenant);
    return this.targets.use(
      target,
      (client) => work({ client, schema: schema ?? '', isAlone: isolation !== 'row' }, tenant),
      { signal },
    );
  }

  /**
   * Behind the switch of a move, its former place has rows that are older than its last ones; a deletion removes rows in
   * many transactions.
   *
   * @throws ConflictError
   */
  private async assertComplete({ id, targetId, schema }: TenantEntity): Promise<void> {
    const now = await this.catalog.getRepository(TenantEntity).findOneBy({ id });
    if (!now || (await this.records.isBeingErased(id))) throw new ConflictError('the tenant is deleted');
    if (now.targetId !== targetId || now.schema !== schema) {
      throw new ConflictError('the tenant was moved meanwhile: export it again');
    }
  }
}
