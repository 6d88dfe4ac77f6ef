import { pipeline, type Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { type EntityManager } from 'typeorm';
import { z } from 'zod';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { ObjectStore } from '../../object-store/object-store.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { rowsIn, TenantArchives } from '../archives/tenant-archives.js';
import { ArchiveStore } from './archive-store.js';
import { DigestedStream } from './digested-stream.js';
import { ExportRecords, type WrittenExport } from './export-records.js';
import { ExportDiffersError } from './stored-archives.errors.js';

const Input = z.object({ recipients: z.array(z.string()).min(1) });
type Run = OperationRun<z.infer<typeof Input>>;

/**
 * Writes one tenant's rows, from one snapshot, to the store, for recipients that need not be of this installation: what is read
 * back is compared by its hash. The tenant works meanwhile. Being exclusive, it is never at the same time as a move or a deletion.
 */
@Injectable()
export class ExportKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'export';
  readonly input = Input;
  readonly steps = [
    { name: 'write', run: (run: Run) => this.write(run) },
    { name: 'verify', run: (run: Run) => this.verify(run) },
  ];

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly archives: TenantArchives,
    private readonly stores: ArchiveStore,
    private readonly records: ExportRecords,
  ) {}

  /** From the start: what a failed operation has written may be removed. */
  async onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    await catalog.update(OperationEntity, id, { finishedSteps: [] });
  }

  private async write(run: Run): Promise<void> {
    const store = await this.stores.open();
    const tenant = await this.archives.find(run.tenantId);
    const { signal, reportProgress, input } = run;
    const objectKey = keyOf(tenant.id, run.id);
    await this.records.begin({ id: run.id, tenantId: tenant.id, objectKey, recipients: input.recipients });
    const { manifest, saved } = await this.archives.write(
      tenant,
      { recipients: input.recipients },
      (bytes) => save(store, objectKey, bytes, signal),
      { signal, onProgress: reportProgress },
    );
    const written: WrittenExport = { takenAt: manifest.takenAt, rows: rowsIn(manifest), ...saved };
    await run.saveState({ written: JSON.stringify(written) });
  }

  private async verify({ id, tenantId, signal, state, addResult }: Run): Promise<void> {
    const written = JSON.parse(state['written'] ?? '') as WrittenExport;
    const objectKey = keyOf(tenantId ?? '', id);
    const store = await this.stores.open();
    const found = digested(await store.get(objectKey, { signal }));
    for await (const _chunk of found) signal.throwIfAborted();
    if (found.digest() !== written.sha256) throw new ExportDiffersError(objectKey);
    await this.records.keep(id, written, this.config.backups.exportRetentionDays);
    await addResult({ export: id, objectKey, ...written });
  }
}

async function save(
  store: ObjectStore,
  objectKey: string,
  bytes: Readable,
  signal: AbortSignal,
): Promise<Pick<WrittenExport, 'bytes' | 'sha256'>> {
  const content = digested(bytes);
  const saved = await store.put(objectKey, content, { signal });
  return { bytes: saved.bytes, sha256: content.digest() };
}

/** What ends either stream ends the other one; the reader of the second one sees the error. */
function digested(bytes: Readable): DigestedStream {
  return pipeline(bytes, new DigestedStream(), () => undefined);
}

/** Apart from backups. Of ids alone: names of objects are seen by those who must not know customers. */
function keyOf(tenantId: string, exportId: string): string {
  return `exports/${tenantId}/${exportId}.age`;
}
