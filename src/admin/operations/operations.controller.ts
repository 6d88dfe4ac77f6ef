import { Body, Get, HttpCode, type MessageEvent, Param, Post, Res, Sse } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ValidQuery } from '../../http/input/valid.decorators.js';
import { IdPipe } from '../../http/input/id.pipe.js';
import type { Page } from '../../http/input/page.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { Operator } from '../../catalog/model/operator.js';
import { requireRole } from '../../tenant/operators/operator-authorization.js';
import { OperatorRights } from '../../tenant/operators/route-rights.js';
import { CurrentOperator } from '../current-operator.decorator.js';
import { OperationReach } from './operation-reach.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import {
  operationFilter,
  type OperationFilter,
  operationHookFilter,
  type OperationHookFilter,
  operationHookPage,
  type OperationHookPage,
  operationPage,
  operationTenantFilter,
  type OperationTenantFilter,
  operationTenantPage,
  type OperationTenantPage,
  operationView,
  type OperationView,
  toOperationView,
} from './operation.schemas.js';
import { OperationEvents } from './operation-events.js';
import { OPERATIONS_PATH, setOperationLocation } from './operation-location.js';
import { OperationRecords } from './operation-records.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { Operations } from '../../operations/operations.js';
import { RequestedOperations } from './requested-operations.js';

const operationId = new IdPipe('operation');
/** Buffer limit per event stream, in characters, for followers that read slowly. */
const MAX_PENDING_LENGTH = 256 * 1024;

@ControlPlaneController(OPERATIONS_PATH, { reach: 'filtered' })
export class OperationsController {
  constructor(
    private readonly operations: Operations,
    private readonly records: OperationRecords,
    private readonly events: OperationEvents,
    private readonly requested: RequestedOperations,
    private readonly idempotency: Idempotency,
    private readonly runner: OperationRunner,
    private readonly reach: OperationReach,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List operations, newest first' })
  @ApiOkResponse(responseSchema(operationPage))
  @ApiProblem('VALIDATION_FAILED')
  list(
    @CurrentOperator() { limitedTo }: Operator,
    @ValidQuery(operationFilter) filter: OperationFilter,
  ): Promise<Page<OperationView>> {
    return this.records.list(filter, limitedTo);
  }

  @Post()
  @OperatorRights({ reach: 'installation' })
  @HttpCode(202)
  @ApiOperation({ summary: 'Start an operation' })
  @ApiBody({ schema: { type: 'object', required: ['kind'], properties: { kind: { type: 'string' } } } })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiIdempotent('another operation is in progress')
  @ApiProblem('NOT_FOUND', 'the tenant or server does not exist')
  async create(
    @CurrentActor() actor: Actor,
    @CurrentOperator() operator: Operator,
    @Body() body: unknown,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    const request = this.requested.validate(body);
    requireRole(operator, this.requested.roleFor(request.kind));
    const result = await this.idempotency.runDetectingReplay(
      { key, action: `POST ${OPERATIONS_PATH}`, body: request },
      (catalog) => this.requested.create(catalog, request, actor),
    );
    this.runner.wake();
    setOperationLocation(response, result.response);
    return withReplayHeader(response, result);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read an operation' })
  @ApiOkResponse(responseSchema(operationView))
  @ApiProblem('NOT_FOUND', 'no such operation')
  read(@CurrentOperator() operator: Operator, @Param('id', operationId) id: string): Promise<OperationView> {
    return this.reach.read(operator, id);
  }

  @Get(':id/tenants')
  @ApiOperation({ summary: 'List the outcome of an operation for each tenant so far' })
  @ApiOkResponse(responseSchema(operationTenantPage))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such operation')
  async listTenants(
    @CurrentOperator() operator: Operator,
    @Param('id', operationId) id: string,
    @ValidQuery(operationTenantFilter) filter: OperationTenantFilter,
  ): Promise<OperationTenantPage> {
    await this.reach.read(operator, id);
    return this.records.listTenants(id, filter);
  }

  @Get(':id/hooks')
  @ApiOperation({ summary: "List the results of the application's hooks that an operation has called so far" })
  @ApiOkResponse(responseSchema(operationHookPage))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such operation')
  async listHooks(
    @CurrentOperator() operator: Operator,
    @Param('id', operationId) id: string,
    @ValidQuery(operationHookFilter) filter: OperationHookFilter,
  ): Promise<OperationHookPage> {
    await this.reach.read(operator, id);
    return this.records.listHooks(id, filter);
  }

  @Sse(':id/events', { maxPendingDataLength: MAX_PENDING_LENGTH })
  @ApiOperation({
    summary: 'Stream an operation: an `operation` event immediately and on every change, until the operation has ended',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Server-sent events; the data of each event is the operation', type: String })
  @ApiProblem('NOT_FOUND', 'no such operation')
  @ApiProblem('TOO_MANY_FOLLOWERS')
  async follow(
    @CurrentOperator() operator: Operator,
    @Param('id', operationId) id: string,
  ): Promise<Observable<MessageEvent>> {
    await this.reach.read(operator, id);
    return this.events.follow(id, operator);
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Cancel an operation: immediately if it has not started, otherwise after the work in progress',
  })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('NOT_FOUND', 'no such operation')
  @ApiProblem('CONFLICT', 'the operation has already ended')
  async cancel(
    @CurrentActor() actor: Actor,
    @CurrentOperator() operator: Operator,
    @Param('id', operationId) id: string,
  ): Promise<OperationView> {
    await this.reach.requireChange(operator, id);
    return toOperationView(await this.operations.cancel(id, actor));
  }

  @Post(':id/retry')
  @HttpCode(202)
  @ApiOperation({ summary: 'Retry a failed or cancelled operation, from its last finished step' })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('NOT_FOUND', 'no such operation')
  @ApiProblem('CONFLICT', 'the operation has not ended, has succeeded, or cannot be resumed')
  async retry(
    @CurrentActor() actor: Actor,
    @CurrentOperator() operator: Operator,
    @Param('id', operationId) id: string,
  ): Promise<OperationView> {
    await this.reach.requireChange(operator, id);
    const operation = await this.operations.retry(id, actor);
    this.runner.wake();
    return toOperationView(operation);
  }
}
