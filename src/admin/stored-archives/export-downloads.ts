import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ObjectNotFoundError } from '../../object-store/object-store.errors.js';
import { Relay } from '../../object-store/relay.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { ArchiveStore } from './archive-store.js';
import { ExportRecords, type KeptExport } from './export-records.js';
import { DownloadUnreadError } from './stored-archives.errors.js';

/** In which a client must read something. */
const UNREAD_MS = 60_000;

export interface ExportDownload {
  readonly export: KeptExport;
  readonly content: Readable;
}

/** Opens the content of exports for clients. */
@Injectable()
export class ExportDownloads {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly records: ExportRecords,
    private readonly stores: ArchiveStore,
    private readonly audit: AuditLog,
  ) {}

  /** @throws NotFoundError, ConflictError (`BACKUP_URL` is not set, it was not read back), the errors of ObjectStore */
  async open(id: string, actor: Actor): Promise<ExportDownload> {
    if (!this.stores.isConfigured) throw new ConflictError('BACKUP_URL is not set');
    const found = await this.records.kept(id);
    const store = await this.stores.open();
    const source = await store.get(found.objectKey).catch((error: unknown) => {
      throw error instanceof ObjectNotFoundError ? new NotFoundError('object of the export') : error;
    });
    try {
      const subject = {
        subjectKind: 'tenant',
        subjectId: found.tenantId,
        subject: found.tenant ?? found.tenantId,
      } as const;
      await this.audit.record(this.catalog.manager, { actor, action: 'export.download', ...subject, after: { id } });
    } catch (error) {
      source.destroy();
      throw error;
    }
    return { export: found, content: endedWhenUnread(source, UNREAD_MS) };
  }
}

/**
 * Passes a stream on at its reader's pace, and destroys it when the reader takes nothing for `unreadMs`, or up to twice as long:
 * a client that has gone to sleep would hold a file or a connection to the store for ever.
 */
export function endedWhenUnread(source: Readable, unreadMs: number): Readable {
  const relay = new Relay(source);
  let before = 0;
  const timer = setInterval(() => {
    const read = relay.bytes - relay.readableLength;
    if (read === before) relay.destroy(new DownloadUnreadError(unreadMs));
    before = read;
  }, unreadMs).unref();
  relay.once('close', () => clearInterval(timer));
  return relay;
}
