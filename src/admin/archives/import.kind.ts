import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { ArchiveTablesError } from '../../database/archives/archive.errors.js';
import { readThrough } from '../../database/archives/read-through.js';
import {
  advanceSequences,
  type ColumnSequence,
  columnSequences,
  sequenceObstacles,
  sequencesOfRows,
} from '../../database/copy/bring-sequences.js';
import type { CopyPlace } from '../../database/copy/copy-place.js';
import { copyRows } from '../../database/copy/copy-rows.js';
import { copyObstacles } from '../../database/copy/tables/copy-obstacles.js';
import { disableTriggers, enableTriggers } from '../../database/copy/tables/user-triggers.js';
import { withSchemaLock } from '../../database/table-migrations/locks/schema-lock.js';
import { differingMigrations } from '../../database/table-migrations/versions/differing-migrations.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { ProvisioningSteps } from '../provisioning/provisioning-steps.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { archiveSource } from './archive.schemas.js';
import { ArchiveSources } from './archive-sources.js';
import { DiscardImportKind } from './discard-import.kind.js';
import { ScratchLoad } from './scratch-load.js';
import { ScratchTables, scratchSchemaName } from './scratch-tables.js';
import { rowsIn } from './tenant-archives.js';

const Input = z.object({ serverId: z.guid(), source: archiveSource });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/**
 * Makes a tenant of an archive. Its rows go into scratch tables of the archive's version, which are migrated to the version of
 * the application, and from there to the tenant's place: whichever isolation it has, and whatever its archive's version is.
 */
@Injectable()
export class ImportKind implements OperationKind<Input> {
  readonly name = 'import';
  readonly input = Input;
  private readonly filling = [
    { name: 'load', run: (run: Run) => this.load(run) },
    { name: 'migrate-rows', run: (run: Run) => this.migrateRows(run) },
    { name: 'copy', run: (run: Run) => this.copy(run) },
    { name: 'drop-scratch', run: (run: Run) => this.dropScratch(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly provisioning: ProvisioningSteps,
    private readonly sources: ArchiveSources,
    private readonly scratch: ScratchTables,
    private readonly loading: ScratchLoad,
    private readonly targets: TargetDatabases,
    private readonly discard: DiscardImportKind,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  /** The seeds are not run: the tenant has its rows. */
  get steps(): readonly OperationStep<Input>[] {
    return [
      { name: 'verify', run: (run) => this.verify(run) },
      ...this.provisioning.creation,
      ...this.filling,
      ...this.hookSteps.for('provisioned', { required: true }),
      this.provisioning.activation,
      ...this.hookSteps.for('provisioned', { required: false }),
    ];
  }

  get hooks(): readonly string[] {
    return this.host.namesFor(['provisioned']);
  }

  /** A tenant that is not served has nothing but what was imported: an operation removes it. */
  async onFailed(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    const { id, tenantId, subject } = operation;
    await this.provisioning.fail(catalog, operation);
    await this.discard.request(catalog, { importId: id, tenantId: tenantId ?? '' }, subject);
  }

  onCancelled(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.onFailed(catalog, operation);
  }

  /** Only what follows the activation can be tried again. */
  async onRetried(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    if (await catalog.existsBy(TenantEntity, { id: tenantId ?? '', status: 'active' })) return;
    throw new ConflictError('what was imported is being removed: import the archive again');
  }

  /**
   * Anyone who may write to the store may have put the object there: it is read to its end before anything is made of it. Files
   * were read by the command that has them, and backups when they were made.
   */
  private async verify({ input: { source }, signal }: Run): Promise<void> {
    if (source.kind !== 'object') return;
    await this.sources.use(source, signal, async (archive) => {
      this.scratch.assertKnown(archive.manifest.migrations);
      await readThrough(archive, signal);
    });
  }

  private async load({ id, tenantId, input, signal, reportProgress, addResult }: Run): Promise<void> {
    const { target } = await this.provisioning.locate(tenantId);
    const goal = { target, schema: scratchSchemaName(id), tenantId: tenantId ?? '' };
    const manifest = await this.sources.use(input.source, signal, (archive) =>
      this.loading.run(archive, goal, { signal, onProgress: reportProgress }),
    );
    const rows = rowsIn(manifest);
    await addResult({ takenAt: manifest.takenAt, tables: manifest.tables.length, rows });
  }

  private async migrateRows({ id, tenantId, signal }: Run): Promise<void> {
    const { target } = await this.provisioning.locate(tenantId);
    await this.scratch.use(target, scratchSchemaName(id), signal, (place) =>
      this.scratch.migrate(place, target, signal),
    );
  }

  /** No migration of the tenant's tables begins before its rows are there. */
  private async copy({ id, tenantId, signal, reportProgress }: Run): Promise<void> {
    const { target, schema } = await this.provisioning.locate(tenantId);
    const isAlone = (await this.tenant(tenantId)).isolation !== 'row';
    await this.scratch.use(target, scratchSchemaName(id), signal, (from) =>
      this.targets.use(
        target,
        (client) =>
          withSchemaLock(client, schema, signal, async () => {
            const to = { client, schema, isAlone };
            await assertSameTables(from, to, tenantId ?? '');
            const sequences = isAlone ? await columnSequences(from) : await sharedSequences(from, to);
            if (isAlone) await disableTriggers(to);
            await copyRows(from, to, tenantId ?? '', { signal, onProgress: reportProgress });
            await advanceSequences(to, sequences);
            if (isAlone) await enableTriggers(to, from);
          }),
        { signal },
      ),
    );
  }

  private async dropScratch({ id, tenantId, signal }: Run): Promise<void> {
    const { target } = await this.provisioning.locate(tenantId);
    await this.scratch.drop(target, scratchSchemaName(id), signal);
  }

  private tenant(id: string | null): Promise<TenantEntity> {
    return this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: id ?? '' });
  }
}

/** The archive's own word does not count for sequences that other tenants use. @throws ArchiveTablesError */
async function sharedSequences(from: CopyPlace, to: CopyPlace): Promise<readonly ColumnSequence[]> {
  const sequences = await sequencesOfRows(from);
  const obstacles = await sequenceObstacles(to, sequences);
  if (obstacles.length > 0) throw new ArchiveTablesError(`${obstacles.join('; ')}: import it with another isolation`);
  return sequences;
}

/** @throws ArchiveTablesError */
async function assertSameTables(from: CopyPlace, to: CopyPlace, tenantId: string): Promise<void> {
  if (await differingMigrations(from, to)) {
    throw new ArchiveTablesError('the tables of its new place are at another version than the code: migrate first');
  }
  const obstacles = await copyObstacles(from, to, tenantId);
  if (obstacles.length > 0) throw new ArchiveTablesError(obstacles.join('; '));
}
