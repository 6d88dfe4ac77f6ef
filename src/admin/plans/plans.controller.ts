import { Delete, Get, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import type { Actor } from '../../catalog/audit/actor.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { IdPipe } from '../../http/input/id.pipe.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import { setLocation } from '../location.js';
import { newPlan, type NewPlan, planChange, type PlanChange, planView, type PlanView } from './plan.schemas.js';
import { PLANS_PATH } from './plans-path.js';
import { Plans } from './plans.js';
import { planName } from './setting.schemas.js';

const planNamePipe = new IdPipe('plan', (name) => planName.safeParse(name).success);

@ControlPlaneController(PLANS_PATH)
export class PlansController {
  constructor(
    private readonly plans: Plans,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List plans, ordered by name' })
  @ApiOkResponse(responseSchema(z.array(planView)))
  list(): Promise<readonly PlanView[]> {
    return this.plans.list();
  }

  @Post()
  @ApiOperation({ summary: 'Create a plan: settings, feature flags and limits that its tenants have in common' })
  @ApiCreatedResponse(responseSchema(planView))
  @ApiIdempotent('the name is already in use')
  async create(
    @CurrentActor() actor: Actor,
    @ValidBody(newPlan) plan: NewPlan,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<PlanView> {
    const request = { key, action: `POST ${PLANS_PATH}`, body: plan };
    const result = await this.idempotency.runDetectingReplay(request, (catalog) =>
      this.plans.create(catalog, plan, actor),
    );
    setLocation(response, `${PLANS_PATH}/${result.response.name}`);
    return withReplayHeader(response, result);
  }

  @Get(':name')
  @ApiOperation({ summary: 'Read a plan' })
  @ApiOkResponse(responseSchema(planView))
  @ApiProblem('NOT_FOUND', 'no such plan')
  read(@Param('name', planNamePipe) name: string): Promise<PlanView> {
    return this.plans.read(name);
  }

  @Patch(':name')
  @ApiOperation({ summary: 'Change a plan, for all of its tenants at once' })
  @ApiOkResponse(responseSchema(planView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such plan')
  change(
    @CurrentActor() actor: Actor,
    @Param('name', planNamePipe) name: string,
    @ValidBody(planChange) change: PlanChange,
  ): Promise<PlanView> {
    return this.plans.change(name, change, actor);
  }

  @Delete(':name')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a plan without tenants' })
  @ApiNoContentResponse()
  @ApiProblem('NOT_FOUND', 'no such plan')
  @ApiProblem('CONFLICT', 'the plan has tenants')
  delete(@CurrentActor() actor: Actor, @Param('name', planNamePipe) name: string): Promise<void> {
    return this.plans.delete(name, actor);
  }
}
