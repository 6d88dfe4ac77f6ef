import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { StepPostponedError } from '../../operations/operation.errors.js';
import { type Candidate, DepartureRounds } from '../emptying/departure-rounds.js';
import { RebalanceIncompleteError } from './rebalance.errors.js';

const LOOK_AGAIN_SECONDS = 2;

/** Ids only: a slug in it would outlive its tenant. */
const Input = z.object({
  moves: z.array(z.object({ tenantId: z.guid(), toServerId: z.guid() })),
  atOnce: z.int().positive(),
});
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** Those that are elsewhere, in the order of the plan. One that is no longer active is left where it is. */
const ELSEWHERE = `
  SELECT t.id, t.slug, s.name AS to FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS m (tenant_id, server_id, number)
    JOIN tenants t ON t.id = m.tenant_id AND t.status = 'active' JOIN connection_targets c ON c.id = t.target_id
    JOIN servers s ON s.id = m.server_id
  WHERE c.server_id <> m.server_id ORDER BY m.number`;

/** Makes the moves of a plan, some at a time. It is postponed while they are under way. */
@Injectable()
export class RebalanceKind implements OperationKind<Input> {
  readonly name = 'rebalance';
  readonly input = Input;
  readonly steps = [{ name: 'move-tenants', run: (run: Run) => this.moveTenants(run) }];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly rounds: DepartureRounds,
  ) {}

  /** Those that were left are tried again. */
  async onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    await catalog.query(`UPDATE operations SET state = state - 'left' WHERE id = $1`, [id]);
  }

  private async moveTenants(run: Run): Promise<void> {
    const { moves } = run.input;
    let waiting = 0;
    const { departing, begun, moved, left } = await this.rounds.run(run, async (isKnown) => {
      const columns = [moves.map(({ tenantId }) => tenantId), moves.map(({ toServerId }) => toServerId)];
      const candidates = await this.catalog.query<Candidate[]>(ELSEWHERE, columns);
      const next = candidates.filter(({ id }) => !isKnown(id));
      waiting = next.length;
      return next;
    });
    run.reportProgress(moved, moves.length);
    if (departing.length > 0 || waiting > begun) {
      const message = `${moved} of ${moves.length} tenants have been moved`;
      throw new StepPostponedError(LOOK_AGAIN_SECONDS, { code: 'REBALANCE_INCOMPLETE', message });
    }
    const reasons = new Map(Object.values(left).map(({ slug, reason }) => [slug, reason]));
    if (reasons.size > 0) throw new RebalanceIncompleteError(reasons);
  }
}
