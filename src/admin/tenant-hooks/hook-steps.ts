import { Injectable } from '@nestjs/common';
import type { OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { StepPostponedError } from '../../operations/operation.errors.js';
import { HookCalls, type HookOutcome } from './hook-calls.js';
import { HookHost, SEED } from './hook-host.js';
import { HookRecords } from './hook-records.js';
import { Seeds } from './seeds.js';
import type { TenantEvent } from './tenant-hooks.js';
import { HookFailedError } from './tenant-hooks.errors.js';

type Run = OperationRun<unknown>;

/** The operation waits meanwhile, without occupying an instance. */
const DELAYS_S: readonly number[] = [1, 5, 15, 30];

/** A hook as a step has it. */
interface SteppedHook {
  readonly name: string;
  readonly required: boolean;
}

/** Hooks, each as a step of an operation on one tenant. */
@Injectable()
export class HookSteps {
  constructor(
    private readonly host: HookHost,
    private readonly calls: HookCalls,
    private readonly seeds: Seeds,
    private readonly records: HookRecords,
  ) {}

  /** One step per hook of the event, named after both; all, or only those that are required or are not. */
  for(event: TenantEvent, which?: { readonly required: boolean }): OperationStep<unknown>[] {
    return this.host.of(event, which).map((hook) =>
      this.step(event, hook, ({ id, tenantId, signal }) => {
        const operation = { id, signal, delays: DELAYS_S };
        return this.calls.attempt(operation, tenantId ?? '', event, hook);
      }),
    );
  }

  /** A step for the seeds of all domains, unless there are none. */
  forSeeds(): OperationStep<unknown>[] {
    if (!this.seeds.any) return [];
    return [
      this.step('provisioned', { name: SEED, required: true }, ({ id, tenantId, signal }) =>
        this.seeds.attempt({ id, signal, delays: DELAYS_S }, tenantId ?? ''),
      ),
    ];
  }

  private step(
    event: TenantEvent,
    { name, required }: SteppedHook,
    attempt: (run: Run) => Promise<HookOutcome>,
  ): OperationStep<unknown> {
    const run = async (operation: Run): Promise<void> => {
      const outcome = await attempt(operation);
      if (outcome.status === 'retrying') throw new StepPostponedError(outcome.delaySeconds, outcome.failure);
      await operation.addResult({ hooks: await this.records.count(operation.id) });
      if (outcome.status === 'failed' && required) throw new HookFailedError(name, event, outcome.failure.message);
    };
    return { name: `${event}:${name}`, run };
  }
}
