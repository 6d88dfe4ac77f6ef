import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { Operations } from '../../operations/operations.js';
import { HookHost } from './hook-host.js';
import { HookSteps } from './hook-steps.js';
import { type StatusEvent, StatusHooksKind } from './status-hooks.kind.js';

/** Creates the operations that call hooks of suspensions. */
@Injectable()
export class StatusHooks {
  private readonly kinds: Readonly<Record<StatusEvent, StatusHooksKind>>;

  constructor(
    @Inject(CATALOG) catalog: DataSource,
    private readonly host: HookHost,
    steps: HookSteps,
    kinds: OperationKinds,
    private readonly operations: Operations,
  ) {
    const suspended = new StatusHooksKind('suspended', catalog, host, steps);
    const resumed = new StatusHooksKind('resumed', catalog, host, steps);
    this.kinds = { suspended, resumed };
    kinds.register(suspended);
    kinds.register(resumed);
  }

  /** In the transaction of the change; nothing where the application has no hooks of the event. */
  async request(
    catalog: EntityManager,
    event: StatusEvent,
    { id, slug }: { readonly id: string; readonly slug: string },
    actor: Actor,
  ): Promise<void> {
    if (this.host.of(event).length === 0) return;
    const creation = { kind: this.kinds[event], input: {}, tenantId: id, subject: slug };
    await this.operations.create(catalog, creation, actor);
  }
}
