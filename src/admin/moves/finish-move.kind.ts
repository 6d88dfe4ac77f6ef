import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { OperationKind, OperationStep } from '../../operations/operation-kind.js';
import { MoveSteps } from './move-steps.js';

const Input = z.object({});
type Input = z.infer<typeof Input>;

/** Removes what a moved tenant has left at its former place. From then on the move cannot be taken back. */
@Injectable()
export class FinishMoveKind implements OperationKind<Input> {
  readonly name = 'move-finish';
  readonly input = Input;
  readonly steps: readonly OperationStep<Input>[];

  constructor(moveSteps: MoveSteps) {
    this.steps = moveSteps.ending('to', ({ tenantId }) => tenantId);
  }
}
