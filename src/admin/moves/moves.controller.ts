import { HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { setOperationLocation } from '../operations/operation-location.js';
import { operationView, type OperationView, toOperationView } from '../operations/operation.schemas.js';
import { TENANTS_PATH } from '../tenants/tenants-path.js';
import { newMove, type NewMove } from './move.schemas.js';
import { Moves } from './moves.js';
import { MovePreview } from './preview/move-preview.js';
import { movePreview, type MovePreviewView } from './preview/move-preview.schemas.js';

/** Moves tenants to another isolation or server while they work. */
@ControlPlaneController(`${TENANTS_PATH}/:slug/move`)
export class MovesController {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly moves: Moves,
    private readonly movePreview: MovePreview,
    private readonly runner: OperationRunner,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Move a tenant to another isolation or server, while it works' })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant or server')
  @ApiProblem(
    'CONFLICT',
    'the tenant is not active or is there already, its last move is not finished, or another operation is in progress; ' +
      '`MIGRATION_REQUIRED` where its tables are at another version than those of its new place, `NO_SERVER_WITH_ROOM` where the server is full',
  )
  move(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @ValidBody(newMove) body: NewMove,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    return this.request(response, (catalog) => this.moves.move(catalog, tenant, body, actor));
  }

  @Post('preview')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Preview a move: what it would do, how long it would take, what is in its way',
    description:
      'Nothing is changed. Up to 64 MB of the rows are read, for two seconds at most, to estimate the time of the copy.',
  })
  @ApiOkResponse(responseSchema(movePreview))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant or server')
  @ApiProblem('CONFLICT', 'the tenant was never provisioned')
  preview(@Param('slug', slugOrId) tenant: string, @ValidBody(newMove) body: NewMove): Promise<MovePreviewView> {
    return this.movePreview.preview(tenant, body);
  }

  @Post('back')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Take a move or a restore back that is not finished',
    description: 'With what has changed since a move. What was written since a restore is dropped.',
  })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'there is no move to take back, or another operation is in progress')
  moveBack(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    return this.request(response, (catalog) => this.moves.moveBack(catalog, tenant, actor));
  }

  @Post('finish')
  @HttpCode(202)
  @ApiOperation({ summary: 'Finish a move or a restore: remove what the tenant has left at its former place' })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'there is no move to finish, or another operation is in progress')
  finish(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    return this.request(response, (catalog) => this.moves.finish(catalog, tenant, actor));
  }

  private async request(
    response: HttpResponse,
    create: (catalog: EntityManager) => Promise<OperationEntity>,
  ): Promise<OperationView> {
    const operation = await this.catalog.transaction(create);
    this.runner.wake();
    setOperationLocation(response, operation);
    return toOperationView(operation);
  }
}
