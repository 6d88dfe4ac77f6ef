import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { type MovePlaces, MovePlacesFinder } from './move-places.js';
import { MoveSteps } from './move-steps.js';

const Input = z.object({});
type Run = OperationRun<z.infer<typeof Input>>;

/** Removes what a moved tenant has left at its former place. From then on the move cannot be taken back. */
@Injectable()
export class FinishMoveKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'move-finish';
  readonly input = Input;
  readonly steps = [
    { name: 'end-noting', run: (run: Run) => this.endNoting(run) },
    { name: 'remove-former', run: (run: Run) => this.removeFormer(run) },
    { name: 'forget', run: (run: Run) => this.forget(run) },
  ];

  constructor(
    private readonly places: MovePlacesFinder,
    private readonly moveSteps: MoveSteps,
  ) {}

  private async endNoting({ tenantId, signal }: Run): Promise<void> {
    const places = await this.placesOf(tenantId);
    if (!places) return;
    await this.moveSteps.announce(places.to.tenantId, false);
    await this.moveSteps.settle(signal);
    await this.moveSteps.removeGateOf(places.to, signal);
  }

  private async removeFormer({ tenantId, signal, reportProgress }: Run): Promise<void> {
    const places = await this.placesOf(tenantId);
    if (places) await this.moveSteps.clear(places.from, signal, (rows) => reportProgress(rows, rows));
  }

  private async forget({ tenantId }: Run): Promise<void> {
    const places = await this.placesOf(tenantId);
    if (places) await this.moveSteps.forget(places.from);
  }

  private async placesOf(tenantId: string | null): Promise<MovePlaces | undefined> {
    const move = await this.places.find(tenantId);
    return move ? this.places.placesOf(move) : undefined;
  }
}
