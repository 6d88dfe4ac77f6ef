import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity, toTenant } from '../../catalog/entities/tenant.entity.js';
import { ArchiveReader } from '../../database/archives/format/archive-reader.js';
import type { ArchiveManifest } from '../../database/archives/format/manifest.js';
import { readThrough } from '../../database/archives/read-through.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { rowsIn, TenantArchives } from '../archives/tenant-archives.js';
import { SettingsReader } from '../../tenant/settings/settings-reader.js';
import { CONSIDERATE } from '../../database/copy/streams/transfer-meter.js';
import { BackupKeys } from './backup-keys.js';
import { BackupRecords, type VerifiedBackup } from './backup-records.js';
import { ArchiveStore } from '../stored-archives/archive-store.js';
import { BackupDiffersError } from './backups.errors.js';

/** `scheduledAt`: the due time, of a backup that the schedule has requested. */
const Input = z.object({ scheduledAt: z.iso.datetime().optional() });
type Run = OperationRun<z.infer<typeof Input>>;

interface Written extends VerifiedBackup {
  readonly manifestHash: string;
}

/**
 * Writes one tenant's rows, from one snapshot, to the store, and reads them back. The tenant works meanwhile. Being exclusive, it
 * is never at the same time as a move, a deletion, or another backup of the tenant.
 */
@Injectable()
export class BackupKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'backup';
  readonly input = Input;
  readonly steps = [
    { name: 'write', run: (run: Run) => this.write(run) },
    { name: 'verify', run: (run: Run) => this.verify(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly archives: TenantArchives,
    private readonly stores: ArchiveStore,
    private readonly keys: BackupKeys,
    private readonly records: BackupRecords,
    private readonly settings: SettingsReader,
  ) {}

  /** From the start: what a failed operation has written may be removed. */
  async onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    await catalog.update(OperationEntity, id, { finishedSteps: [] });
  }

  private async write(run: Run): Promise<void> {
    const store = await this.stores.open();
    const tenant = await this.archives.find(run.tenantId);
    const id = run.state['backupId'] ?? randomUUID();
    await run.saveState({ backupId: id });
    const objectKey = keyOf(tenant.id, id);
    await this.records.begin({ id, tenantId: tenant.id, operationId: run.id, objectKey });
    const lock = { recipients: [await this.keys.recipientOf(tenant.id)] };
    const { signal, reportProgress } = run;
    const { manifest, saved } = await this.archives.write(
      tenant,
      lock,
      (content) => store.put(objectKey, content, { signal }),
      { signal, onProgress: reportProgress, pace: CONSIDERATE },
    );
    const { bytes } = saved;
    const written: Written = {
      ...{ takenAt: manifest.takenAt, bytes, rows: rowsIn(manifest), schemaVersion: tenant.schemaVersion },
      manifestHash: hashOf(manifest),
    };
    await run.saveState({ written: JSON.stringify(written) });
  }

  private async verify(run: Run): Promise<void> {
    const { backupId = '', written = '' } = run.state;
    const { manifestHash, ...backup } = JSON.parse(written) as Written;
    const tenantId = run.tenantId ?? '';
    const objectKey = keyOf(tenantId, backupId);
    const store = await this.stores.open();
    const identities = [await this.keys.identityOf(tenantId)];
    const source = await store.get(objectKey, { signal: run.signal });
    try {
      const archive = await ArchiveReader.open(source, { identities });
      if (hashOf(archive.manifest) !== manifestHash) throw new BackupDiffersError(objectKey);
      await readThrough(archive, run.signal);
    } finally {
      source.destroy();
    }
    await this.records.keep(backupId, backup, await this.retentionDaysOf(tenantId));
    const { takenAt, bytes, rows } = backup;
    await run.addResult({ backup: backupId, takenAt, bytes, rows });
  }

  /** The tenant's own, else its plan's, else that of the environment. */
  private async retentionDaysOf(tenantId: string): Promise<number> {
    const entity = await this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: tenantId });
    const { limits } = await this.settings.read(toTenant(entity));
    return limits.backupRetentionDays ?? this.config.backups.retentionDays;
  }
}

/** Of ids alone: names of objects are seen by those who must not know customers. */
function keyOf(tenantId: string, backupId: string): string {
  return `${tenantId}/${backupId}.age`;
}

function hashOf(manifest: ArchiveManifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}
