import { Delete, Get, Header, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { Actor } from '../../catalog/audit/actor.js';
import type { Operator } from '../../catalog/model/operator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { IdPipe } from '../../http/input/id.pipe.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { OperatorRights } from '../../tenant/operators/route-rights.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import { CurrentOperator } from '../current-operator.decorator.js';
import { OperatorRecords } from './operator-records.js';
import {
  currentOperatorView,
  type CurrentOperatorView,
  issuedOperatorKey,
  type IssuedOperatorKey,
  newOperator,
  type NewOperator,
  newOperatorKey,
  type NewOperatorKey,
  operatorChange,
  type OperatorChange,
  operatorKeyId,
  operatorList,
  type OperatorList,
  operatorName,
  operatorView,
  type OperatorView,
} from './operator.schemas.js';
import { Operators } from './operators.js';

const PATH = 'admin/v1/operators';
const namePipe = new IdPipe('operator', (name) => operatorName.safeParse(name).success);
const keyPipe = new IdPipe("operator's key", (id) => operatorKeyId.safeParse(id).success);

/** Operators of the control plane. */
@ControlPlaneController(PATH, { read: 'admin', write: 'admin' })
export class OperatorsController {
  constructor(
    private readonly operators: Operators,
    private readonly records: OperatorRecords,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List operators by name, the revoked ones last' })
  @ApiOkResponse(responseSchema(operatorList))
  list(): Promise<OperatorList> {
    return this.records.list();
  }

  @Get('me')
  @OperatorRights({ read: 'viewer', reach: 'filtered' })
  @ApiOperation({ summary: 'The caller, with its role' })
  @ApiOkResponse(responseSchema(currentOperatorView))
  me(@CurrentOperator() operator: Operator): Promise<CurrentOperatorView> {
    return this.operators.describe(operator);
  }

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Create an operator with a key. Its token is only in this response' })
  @ApiCreatedResponse(responseSchema(issuedOperatorKey))
  @ApiIdempotent('the name is in use')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  async create(
    @CurrentActor() actor: Actor,
    @ValidBody(newOperator) body: NewOperator,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<IssuedOperatorKey> {
    const request = { key, action: `POST ${PATH}`, body };
    const result = await this.idempotency.runDetectingReplay(request, (catalog) =>
      this.operators.create(catalog, body, actor),
    );
    return withReplayHeader(response, result);
  }

  @Get(':name')
  @ApiOperation({ summary: 'Read an operator' })
  @ApiOkResponse(responseSchema(operatorView))
  @ApiProblem('NOT_FOUND', 'no such operator')
  read(@Param('name', namePipe) name: string): Promise<OperatorView> {
    return this.records.read(name);
  }

  @Patch(':name')
  @ApiOperation({ summary: "Change an operator's role, or the tenants that it is limited to" })
  @ApiOkResponse(responseSchema(operatorView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such operator or tenant')
  @ApiProblem('CONFLICT', 'the OpenID provider decides about this operator')
  change(
    @CurrentActor() actor: Actor,
    @Param('name', namePipe) name: string,
    @ValidBody(operatorChange) change: OperatorChange,
  ): Promise<OperatorView> {
    return this.operators.change(name, change, actor);
  }

  @Delete(':name')
  @ApiOperation({ summary: 'Revoke an operator: all its keys are refused at once' })
  @ApiOkResponse(responseSchema(operatorView))
  @ApiProblem('NOT_FOUND', 'no such operator')
  revoke(@CurrentActor() actor: Actor, @Param('name', namePipe) name: string): Promise<OperatorView> {
    return this.operators.revoke(name, actor);
  }

  @Delete(':name/sessions')
  @ApiOperation({ summary: 'End all sessions of an operator, who may sign in again' })
  @ApiOkResponse(responseSchema(operatorView))
  @ApiProblem('NOT_FOUND', 'no such operator')
  endSessions(@CurrentActor() actor: Actor, @Param('name', namePipe) name: string): Promise<OperatorView> {
    return this.operators.endSessions(name, actor);
  }

  @Post(':name/readmit')
  @HttpCode(200)
  @ApiOperation({ summary: 'Let a revoked operator sign in again through the OpenID provider' })
  @ApiOkResponse(responseSchema(operatorView))
  @ApiProblem('NOT_FOUND', 'no such operator who was revoked')
  @ApiProblem('CONFLICT', 'the name is in use')
  readmit(@CurrentActor() actor: Actor, @Param('name', namePipe) name: string): Promise<OperatorView> {
    return this.operators.readmit(name, actor);
  }

  @Post(':name/keys')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Issue one more key of an operator. Its token is only in this response' })
  @ApiCreatedResponse(responseSchema(issuedOperatorKey))
  @ApiIdempotent('the OpenID provider decides about this operator')
  @ApiProblem('NOT_FOUND', 'no such operator')
  async issueKey(
    @CurrentActor() actor: Actor,
    @Param('name', namePipe) name: string,
    @ValidBody(newOperatorKey.default({})) body: NewOperatorKey,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<IssuedOperatorKey> {
    const request = { key, action: `POST ${PATH}/${name}/keys`, body };
    const result = await this.idempotency.runDetectingReplay(request, (catalog) =>
      this.operators.issueKey(catalog, name, body, actor),
    );
    return withReplayHeader(response, result);
  }

  @Delete(':name/keys/:id')
  @ApiOperation({ summary: 'Revoke a key of an operator: it is refused at once' })
  @ApiOkResponse(responseSchema(operatorView))
  @ApiProblem('NOT_FOUND', 'no such operator or key')
  revokeKey(
    @CurrentActor() actor: Actor,
    @Param('name', namePipe) name: string,
    @Param('id', keyPipe) id: string,
  ): Promise<OperatorView> {
    return this.operators.revokeKey(name, id, actor);
  }
}
