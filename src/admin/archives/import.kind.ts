import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { readThrough } from '../../database/archives/read-through.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { ProvisioningSteps } from '../provisioning/provisioning-steps.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { archiveSource } from './archive.schemas.js';
import { ArchiveFilling } from './archive-filling.js';
import { ArchiveSources } from './archive-sources.js';
import { DiscardImportKind } from './discard-import.kind.js';
import type { ArchiveGoal } from './scratch-copy.js';
import { ScratchTables } from './scratch-tables.js';

const Input = z.object({ serverId: z.guid(), source: archiveSource });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** Makes a tenant of an archive. */
@Injectable()
export class ImportKind implements OperationKind<Input> {
  readonly name = 'import';
  readonly input = Input;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly provisioning: ProvisioningSteps,
    private readonly filling: ArchiveFilling,
    private readonly sources: ArchiveSources,
    private readonly scratch: ScratchTables,
    private readonly discard: DiscardImportKind,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  /** The seeds are not run: the tenant has its rows. */
  get steps(): readonly OperationStep<Input>[] {
    return [
      { name: 'verify', run: (run) => this.verify(run) },
      ...this.provisioning.creation,
      ...this.filling.steps<Input>({
        goalOf: ({ tenantId }) => this.goal(tenantId),
        sourceOf: ({ source }) => source,
      }),
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

  private async goal(tenantId: string | null): Promise<ArchiveGoal> {
    const tenant = await this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: tenantId ?? '' });
    return { ...(await this.provisioning.locate(tenant.id)), tenantId: tenant.id, isAlone: tenant.isolation !== 'row' };
  }
}
