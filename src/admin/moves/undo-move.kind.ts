import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { MoveEntity, type MoveState } from '../../catalog/entities/move.entity.js';
import type { OperationKind, OperationStep } from '../../operations/operation-kind.js';
import { Operations } from '../../operations/operations.js';
import { MoveSteps } from './move-steps.js';

const Input = z.object({ tenantId: z.guid() });
type Input = z.infer<typeof Input>;

/**
 * Removes what a move has made that was given up, or taken back. The tenant is served at the place that it left. It is no
 * operation on the tenant, because it is created while the one that it follows is still under way.
 */
@Injectable()
export class UndoMoveKind implements OperationKind<Input> {
  readonly name = 'undo-move';
  readonly input = Input;
  readonly steps: readonly OperationStep<Input>[];

  constructor(
    moveSteps: MoveSteps,
    private readonly operations: Operations,
  ) {
    this.steps = moveSteps.ending('from', ({ input }) => input.tenantId);
  }

  /** Creates the operation for a move that is in this state; for any other one, nothing happens. */
  async request(catalog: EntityManager, tenantId: string, subject: string, state: MoveState): Promise<void> {
    const { affected } = await catalog.update(MoveEntity, { tenantId, state }, { state: 'undoing' });
    if (affected !== 1) return;
    const undo = { kind: this, input: { tenantId }, tenantId: null, subject };
    await this.operations.create(catalog, undo, TENANTRY_ACTOR);
  }
}
