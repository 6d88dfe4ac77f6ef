import { HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation } from '@nestjs/swagger';
import type { Actor } from '../../catalog/audit/actor.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import { setOperationLocation } from '../operations/operation-location.js';
import { toOperationView } from '../operations/operation.schemas.js';
import { createdTenantView, type CreatedTenantView } from '../tenants/tenant.schemas.js';
import { TENANTS_PATH } from '../tenants/tenants-path.js';
import { newClone, type NewClone } from './clone.schemas.js';
import { Clones } from './clones.js';

/** Clones tenants. */
@ControlPlaneController(`${TENANTS_PATH}/:slug/clone`, { reach: 'installation' })
export class ClonesController {
  constructor(
    private readonly clones: Clones,
    private readonly idempotency: Idempotency,
    private readonly runner: OperationRunner,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary:
      'Create a tenant with the rows of another one. It is served once the operation in the Location header has succeeded',
    description:
      'Rows keep their ids. The tenant that is cloned is served meanwhile; its rows are those of one moment. Its domains, API ' +
      'keys and limits are not copied. A clone that fails can be retried or deleted.',
  })
  @ApiAcceptedResponse(responseSchema(createdTenantView))
  @ApiIdempotent(
    'the tenant has not all of its rows, the slug or a domain is already in use, or the server is draining; ' +
      '`MIGRATION_REQUIRED` where its tables are at another version than those of its new place',
  )
  @ApiProblem('NOT_FOUND', 'no such tenant or server')
  async clone(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) source: string,
    @ValidBody(newClone) options: NewClone,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<CreatedTenantView> {
    const request = { key, action: `POST ${TENANTS_PATH}/${source}/clone`, body: options };
    const result = await this.idempotency.runDetectingReplay(request, async (catalog): Promise<CreatedTenantView> => {
      const { tenant, operation } = await this.clones.create(catalog, source, options, actor);
      return { tenant, operation: toOperationView(operation) };
    });
    this.runner.wake();
    setOperationLocation(response, result.response.operation);
    return withReplayHeader(response, result);
  }
}
