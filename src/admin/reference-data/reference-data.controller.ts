import { Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { Actor } from '../../catalog/audit/actor.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import { setOperationLocation } from '../operations/operation-location.js';
import { operationView, type OperationView, toOperationView } from '../operations/operation.schemas.js';
import { ReferenceData } from './reference-data.js';
import { publication, type Publication, referenceTableList } from './reference-data.schemas.js';
import type { ReferenceTableList } from './reference-data.views.js';

const PATH = 'admin/v1/reference-data';

@ControlPlaneController(PATH)
export class ReferenceDataController {
  constructor(
    private readonly referenceData: ReferenceData,
    private readonly idempotency: Idempotency,
    private readonly runner: OperationRunner,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List published reference tables, with the places that lack the newest version' })
  @ApiOkResponse(responseSchema(referenceTableList))
  list(): Promise<ReferenceTableList> {
    return this.referenceData.list();
  }

  @Post(':table')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Publish all rows of a reference table as its next version',
    description:
      'The operation in the Location header writes them to each set of tables. Rows that the version lacks are deleted. A set ' +
      'of tables that refuses the version, because rows of tenants refer to a row that would go, keeps its former one.',
  })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiIdempotent('the same version is being published')
  @ApiProblem('NOT_FOUND', 'no tenant has a reference table of this name')
  async publish(
    @CurrentActor() actor: Actor,
    @Param('table') table: string,
    @ValidBody(publication) body: Publication,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    const { name, list } = await this.referenceData.checked(table, body.rows);
    const request = { key, action: `POST ${PATH}/${name}`, body };
    const result = await this.idempotency.runDetectingReplay(request, async (catalog) =>
      toOperationView(await this.referenceData.create(catalog, name, list, actor)),
    );
    this.runner.wake();
    setOperationLocation(response, result.response);
    return withReplayHeader(response, result);
  }
}
