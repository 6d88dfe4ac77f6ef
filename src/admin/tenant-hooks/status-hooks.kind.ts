import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { StepPostponedError } from '../../operations/operation.errors.js';
import type { HookHost } from './hook-host.js';
import type { HookSteps } from './hook-steps.js';

const Input = z.object({});
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** The changes of status that hooks can be called for, and their operations. */
const STATUS_HOOKS = { suspended: 'suspended-hooks', resumed: 'resumed-hooks' } as const;
export type StatusEvent = keyof typeof STATUS_HOOKS;

const WAIT_SECONDS = 1;

const EARLIER = `
  SELECT EXISTS (
    SELECT FROM operations o JOIN operations own ON own.id = $1
    WHERE o.tenant_id = own.tenant_id AND o.kind = ANY ($2) AND o.status IN ('pending', 'running') AND o.id <> own.id
      AND (o.created_at, o.id) < (own.created_at, own.id)) AS waits`;

/**
 * Calls the hooks of a suspension, or of its end, which has taken effect by then: no hook delays it. Others of the same tenant
 * come before, in the order of the changes.
 */
export class StatusHooksKind implements OperationKind<Input> {
  readonly name: string;
  readonly input = Input;
  readonly isExclusive = false;

  constructor(
    private readonly event: StatusEvent,
    private readonly catalog: DataSource,
    private readonly host: HookHost,
    private readonly hookSteps: HookSteps,
  ) {
    this.name = STATUS_HOOKS[event];
  }

  get steps(): readonly OperationStep<Input>[] {
    return [{ name: 'take-turn', run: (run: Run) => this.takeTurn(run) }, ...this.hookSteps.for(this.event)];
  }

  get hooks(): readonly string[] {
    return this.host.namesFor([this.event]);
  }

  private async takeTurn({ id }: Run): Promise<void> {
    const [{ waits }] = await this.catalog.query<[{ waits: boolean }]>(EARLIER, [id, Object.values(STATUS_HOOKS)]);
    const failure = { code: 'HOOKS_WAIT', message: 'hooks of an earlier change of the tenant are still being called' };
    if (waits) throw new StepPostponedError(WAIT_SECONDS, failure);
  }
}
