import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { StepPostponedError } from '../../operations/operation.errors.js';
import { DepartureRounds } from './departure-rounds.js';
import { Departures, type StayingTenant } from './departures.js';
import { ServerNotEmptyError } from './emptying.errors.js';

const LOOK_AGAIN_SECONDS = 2;
/** Statuses in which a tenant is not moved, and that may last. One that is being created is waited for. */
const UNMOVED: ReadonlySet<string> = new Set(['suspended', 'maintenance', 'moving', 'deleting', 'failed']);

const Input = z.object({ serverId: z.guid(), to: z.string().optional(), atOnce: z.int().positive() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/**
 * Moves every tenant away from a draining server, some at a time. It is postponed while moves are under way, so that it keeps no other
 * operation from running.
 */
@Injectable()
export class EmptyServerKind implements OperationKind<Input> {
  readonly name = 'empty-server';
  readonly input = Input;
  readonly steps = [{ name: 'move-tenants', run: (run: Run) => this.moveTenants(run) }];

  constructor(
    private readonly departures: Departures,
    private readonly rounds: DepartureRounds,
  ) {}

  /** Those that were left are tried again. */
  async onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    await catalog.query(`UPDATE operations SET state = state - 'left' WHERE id = $1`, [id]);
  }

  private async moveTenants(run: Run): Promise<void> {
    const { serverId, to } = run.input;
    const isDraining = await this.departures.isDraining(serverId);
    let waiting: readonly StayingTenant[] = [];
    let staying: readonly StayingTenant[] = [];
    const { departing, begun, unfinished, moved, left } = await this.rounds.run(run, async (isKnown) => {
      staying = await this.departures.staying(serverId);
      waiting = staying.filter(({ id, status }) => !isKnown(id) && !UNMOVED.has(status));
      const next = isDraining ? waiting.filter(({ status }) => status === 'active') : [];
      return next.map(({ id, slug }) => ({ id, slug, to }));
    });
    run.reportProgress(moved, moved + staying.length);
    if (departing.length + unfinished > 0 || (isDraining && waiting.length > begun)) {
      const message = `${departing.length} of the server's tenants are being moved`;
      throw new StepPostponedError(LOOK_AGAIN_SECONDS, { code: 'SERVER_NOT_EMPTY', message });
    }
    const reasons = new Map(Object.values(left).map(({ slug, reason }) => [slug, reason]));
    for (const { slug, id, status } of staying) {
      if (!left[id]) reasons.set(slug, isDraining ? `it is ${status}` : 'the server is no longer draining');
    }
    if (reasons.size > 0) throw new ServerNotEmptyError(reasons);
  }
}
