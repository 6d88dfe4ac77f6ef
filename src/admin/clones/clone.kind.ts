import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { ProvisioningSteps } from '../provisioning/provisioning-steps.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { CloneCopy } from './clone-copy.js';
import { maskedColumns } from './clone-masks.js';

const Input = z.object({ serverId: z.guid(), sourceId: z.guid(), masked: maskedColumns });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

const MIGRATE = 'migrate';
const COPY = 'copy';

/**
 * Makes a new tenant with the rows of another one, which is served meanwhile. Seeds are not called: the rows are there. Hooks
 * of new tenants are.
 */
@Injectable()
export class CloneKind implements OperationKind<Input> {
  readonly name = 'clone';
  readonly input = Input;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly provisioning: ProvisioningSteps,
    private readonly copying: CloneCopy,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  get steps(): readonly OperationStep<Input>[] {
    return [
      {
        name: 'check-source',
        run: ({ input, signal }: Run) => this.copying.check(input.sourceId, { ...input, signal }),
      },
      ...this.provisioning.creation,
      { name: COPY, run: (run: Run) => this.copy(run) },
      ...this.hookSteps.for('provisioned', { required: true }),
      this.provisioning.activation,
      ...this.hookSteps.for('provisioned', { required: false }),
    ];
  }

  get hooks(): readonly string[] {
    return this.host.namesFor(['provisioned']);
  }

  onFailed(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.provisioning.fail(catalog, operation);
  }

  onCancelled(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.provisioning.fail(catalog, operation);
  }

  /** The tables are migrated again unless rows are in them: the tenant that is cloned may have been migrated since. */
  async onRetried(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    await this.provisioning.retry(catalog, operation);
    if (operation.finishedSteps.includes(COPY)) return;
    const finishedSteps = operation.finishedSteps.filter((step) => step !== MIGRATE);
    await catalog.update(OperationEntity, operation.id, { finishedSteps });
  }

  private async copy({ tenantId, input, signal, reportProgress, addResult }: Run): Promise<void> {
    const { target, schema } = await this.provisioning.locate(tenantId);
    const { id, isolation } = await this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: tenantId ?? '' });
    const goal = { tenantId: id, target, schema, isAlone: isolation !== 'row' };
    const digests = await this.copying.run(input.sourceId, goal, {
      ...{ signal, masked: input.masked, onProgress: reportProgress },
    });
    await addResult({ tables: digests.length, rows: digests.reduce((sum, { rows }) => sum + rows, 0) });
  }
}
