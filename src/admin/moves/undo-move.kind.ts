import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { type MovePlaces, MovePlacesFinder } from './move-places.js';
import { MoveSteps } from './move-steps.js';

const Input = z.object({ tenantId: z.guid() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/**
 * Removes what a move has made that was given up, or taken back. The tenant is served at the place that it left. It is no
 * operation on the tenant, because it is created while the one that it follows is still under way.
 */
@Injectable()
export class UndoMoveKind implements OperationKind<Input> {
  readonly name = 'undo-move';
  readonly input = Input;
  readonly steps = [
    { name: 'end-noting', run: (run: Run) => this.endNoting(run) },
    { name: 'remove-copy', run: (run: Run) => this.removeCopy(run) },
    { name: 'forget', run: (run: Run) => this.forget(run) },
  ];

  constructor(
    private readonly places: MovePlacesFinder,
    private readonly moveSteps: MoveSteps,
  ) {}

  private async endNoting({ input: { tenantId }, signal }: Run): Promise<void> {
    const places = await this.placesOf(tenantId);
    if (!places) return;
    await this.moveSteps.announce(places.from.tenantId, false);
    await this.moveSteps.settle(signal);
    await this.moveSteps.removeGateOf(places.from, signal);
  }

  private async removeCopy({ input: { tenantId }, signal, reportProgress }: Run): Promise<void> {
    const places = await this.placesOf(tenantId);
    if (places) await this.moveSteps.clear(places.to, signal, (rows) => reportProgress(rows, rows));
  }

  private async forget({ input: { tenantId } }: Run): Promise<void> {
    const places = await this.placesOf(tenantId);
    if (places) await this.moveSteps.forget(places.to);
  }

  private async placesOf(tenantId: string): Promise<MovePlaces | undefined> {
    const move = await this.places.find(tenantId);
    return move ? this.places.placesOf(move) : undefined;
  }
}
