import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { OperationCancelledError } from '../../operations/operation.errors.js';
import { BatchHooks } from '../tenant-hooks/batch-hooks.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookRecords } from '../tenant-hooks/hook-records.js';
import { Activation } from './activation.js';
import { batchInput, type BatchInput } from './batch-input.js';
import { BatchRun } from './batch-run.js';
import { BatchTenants } from './batch-tenants.js';
import { Placements } from './placements.js';

type Run = OperationRun<BatchInput>;

/** Subject of all operations of this kind, so that only one of them can be in progress. */
export const NEW_TENANTS = 'new tenants';

const STOPPED = { code: 'OPERATION_FAILED', message: 'the operation failed before it reached this tenant' };

/**
 * Provisions many tenants. Those that share tables become active together; schemas and databases are made several at a time.
 * What fails is the outcome of the tenants that need it, and the others go on.
 */
@Injectable()
export class ProvisionTenantsKind implements OperationKind<BatchInput> {
  readonly name = 'provision-tenants';
  readonly input = batchInput;
  readonly steps = [
    { name: 'shared-databases', run: (run: Run) => this.runOf(run).sharedDatabases() },
    { name: 'row-tenants', run: (run: Run) => this.runOf(run).rowTenants() },
    { name: 'other-tenants', run: (run: Run) => this.runOf(run).otherTenants() },
  ];

  constructor(
    private readonly tenants: BatchTenants,
    private readonly placements: Placements,
    private readonly activation: Activation,
    private readonly batchHooks: BatchHooks,
    private readonly hookRecords: HookRecords,
    private readonly host: HookHost,
  ) {}

  get hooks(): readonly string[] {
    return this.host.namesFor(['provisioned']);
  }

  async onFailed(catalog: EntityManager, { id, input }: OperationEntity): Promise<void> {
    await this.activation.fail(tenantIdsOf(input), { operationId: id, durationMs: 0, failure: STOPPED }, catalog);
  }

  async onCancelled(catalog: EntityManager, { id, input }: OperationEntity): Promise<void> {
    const failure = failureOf(new OperationCancelledError());
    await this.activation.fail(tenantIdsOf(input), { operationId: id, durationMs: 0, failure }, catalog);
  }

  /** From the first step on: any of them may have left tenants behind. */
  async onRetried(catalog: EntityManager, { id, input }: OperationEntity): Promise<void> {
    await this.hookRecords.forgetFailures(catalog, id);
    await this.tenants.forgetFailures(catalog, id, tenantIdsOf(input));
    await catalog.update(OperationEntity, id, { finishedSteps: [] });
  }

  private runOf(run: Run): BatchRun {
    return new BatchRun(run, this.tenants, this.placements, this.activation, this.batchHooks);
  }
}

function tenantIdsOf(input: unknown): string[] {
  return batchInput.parse(input).servers.flatMap(({ tenantIds }) => tenantIds);
}
