import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { Operations } from '../../operations/operations.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { movesAtOnce } from '../emptying/empty-server.request.js';
import { RebalanceKind } from './rebalance.kind.js';
import { rebalanceOptions } from './rebalance.schemas.js';
import { Rebalancing } from './rebalancing.js';

/** So that only one of them can be in progress. */
const SUBJECT = 'servers';

const rebalanceRequest = z
  .strictObject({ kind: z.literal('rebalance'), ...rebalanceOptions, atOnce: movesAtOnce })
  .meta({ id: 'RequestRebalance', example: { kind: 'rebalance', goal: 1.25, maxMoves: 20 } });
type RebalanceRequestBody = z.infer<typeof rebalanceRequest>;

/** Requests the moves that `Rebalancing` proposes at that moment. */
@Injectable()
export class RebalanceRequest implements OperationRequest<RebalanceRequestBody> {
  readonly role = 'admin';
  readonly schema = rebalanceRequest;

  constructor(
    readonly kind: RebalanceKind,
    private readonly rebalancing: Rebalancing,
    private readonly operations: Operations,
  ) {}

  async create(
    catalog: EntityManager,
    { goal, maxMoves, atOnce }: RebalanceRequestBody,
    actor: Actor,
  ): Promise<OperationEntity> {
    const plan = await this.rebalancing.plan(catalog, { goal, maxMoves });
    if (plan.moves.length === 0) throw new ConflictError('no move is proposed: see the preview');
    const moves = plan.moves.map(({ tenant, from, to, reason }) => ({
      ...{ tenantId: tenant.id, fromServerId: from.id, toServerId: to.id, reason },
    }));
    const creation = { kind: this.kind, input: { moves, atOnce }, tenantId: null, subject: SUBJECT };
    return this.operations.create(catalog, creation, actor);
  }
}
