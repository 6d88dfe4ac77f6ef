import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { StepPostponedError } from '../../operations/operation.errors.js';
import { DepartureRounds } from '../emptying/departure-rounds.js';
import { type OpenMove, plannedMove, PlannedMoves } from './planned-moves.js';
import { RebalanceIncompleteError } from './rebalance.errors.js';

const LOOK_AGAIN_SECONDS = 2;

const Input = z.object({ moves: z.array(plannedMove), atOnce: z.int().positive() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/**
 * Makes the moves of a plan, some at a time, except those that are obsolete when their turn comes. It is postponed while they are under way.
 */
@Injectable()
export class RebalanceKind implements OperationKind<Input> {
  readonly name = 'rebalance';
  readonly input = Input;
  readonly steps = [{ name: 'move-tenants', run: (run: Run) => this.moveTenants(run) }];

  constructor(
    private readonly planned: PlannedMoves,
    private readonly rounds: DepartureRounds,
  ) {}

  /** Those that were left are tried again. */
  async onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    await catalog.query(`UPDATE operations SET state = state - 'left' WHERE id = $1`, [id]);
  }

  private async moveTenants(run: Run): Promise<void> {
    const { moves } = run.input;
    let waiting = 0;
    let skipped: readonly OpenMove[] = [];
    const { departing, begun, unfinished, moved, left } = await this.rounds.run(run, async (isKnown) => {
      const open = (await this.planned.open(run)).filter(({ id }) => !isKnown(id));
      const next = open.filter(({ obsolete }) => obsolete === undefined);
      skipped = open.filter(({ obsolete }) => obsolete !== undefined);
      waiting = next.length;
      return next;
    });
    run.reportProgress(moved, moves.length - skipped.length);
    if (departing.length + unfinished > 0 || waiting > begun) {
      const message = `${moved} of ${moves.length} tenants have been moved`;
      throw new StepPostponedError(LOOK_AGAIN_SECONDS, { code: 'REBALANCE_INCOMPLETE', message });
    }
    await run.addResult({ skipped: skipped.map(({ slug, obsolete: reason }) => ({ slug, reason })) });
    const reasons = new Map(Object.values(left).map(({ slug, reason }) => [slug, reason]));
    if (reasons.size > 0) throw new RebalanceIncompleteError(reasons);
  }
}
