import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { OperationKind, OperationStep } from '../../operations/operation-kind.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { ProvisioningSteps } from './provisioning-steps.js';

const Input = z.object({ serverId: z.guid() });
type Input = z.infer<typeof Input>;

/** Creates what a tenant needs, with the rows that the application's seeds give it. */
@Injectable()
export class ProvisionKind implements OperationKind<Input> {
  readonly name = 'provision';
  readonly input = Input;

  constructor(
    private readonly provisioning: ProvisioningSteps,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  get steps(): readonly OperationStep<Input>[] {
    return [
      ...this.provisioning.creation,
      ...this.hookSteps.forSeeds(),
      ...this.hookSteps.for('provisioned', { required: true }),
      this.provisioning.activation,
      ...this.hookSteps.for('provisioned', { required: false }),
    ];
  }

  /** Those that a tenant provisioned ahead has behind it, and whether it can be served at once. */
  get stepsOfSpare(): { readonly finished: readonly string[]; readonly isActive: boolean } {
    const { creation, activation } = this.provisioning;
    const created = creation.map(({ name }) => name);
    const next = this.steps[created.length]?.name;
    return next === activation.name
      ? { finished: [...created, next], isActive: true }
      : { finished: created, isActive: false };
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

  onRetried(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.provisioning.retry(catalog, operation);
  }
}
