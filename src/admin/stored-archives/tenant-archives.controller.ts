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
import { Idempotency, type IdempotentResult } from '../idempotency/idempotency.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import { setOperationLocation } from '../operations/operation-location.js';
import { operationView, type OperationView, toOperationView } from '../operations/operation.schemas.js';
import { TENANTS_PATH } from '../tenants/tenants-path.js';
import { newExport, type NewExport, newImport, type NewImport } from './export.schemas.js';
import { Exports } from './exports.js';
import { StoredImports } from './stored-imports.js';

/** Exports tenants into the store, and makes tenants of archives in it. */
@ControlPlaneController(TENANTS_PATH, { reach: 'tenant' })
export class TenantArchivesController {
  constructor(
    private readonly exports: Exports,
    private readonly imports: StoredImports,
    private readonly idempotency: Idempotency,
    private readonly runner: OperationRunner,
  ) {}

  @Post(':slug/export')
  @HttpCode(202)
  @ApiOperation({
    summary: "Write a tenant's rows, encrypted, into the store of BACKUP_URL, while it works",
    description: 'The id of the operation is that of the export: `GET /admin/v1/exports/{id}/content` downloads it.',
  })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiIdempotent('BACKUP_URL is not set, the tenant has no complete data, or another operation is in progress')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  async export(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @ValidBody(newExport) body: NewExport,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    const request = { key, action: `POST ${TENANTS_PATH}/${tenant}/export`, body };
    const result = await this.idempotency.runDetectingReplay(request, async (catalog) =>
      toOperationView(await this.exports.request(catalog, tenant, body, actor)),
    );
    return this.accepted(response, result);
  }

  @Post('import')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Make a tenant of an archive in the store of BACKUP_URL, which is for this installation',
    description:
      'The archive is read as far as its manifest before the response, and to its end before anything is made of it. An ' +
      'operation that fails leaves nothing.',
  })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiIdempotent('BACKUP_URL is not set, the export was not read back, the slug is in use, or the server is draining')
  @ApiProblem('NOT_FOUND', 'no such export, object or server')
  @ApiProblem('ARCHIVE_UNREADABLE')
  async import(
    @CurrentActor() actor: Actor,
    @ValidBody(newImport) body: NewImport,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    const request = { key, action: `POST ${TENANTS_PATH}/import`, body };
    const replayed = await this.idempotency.stored<OperationView>(request); // whatever has become of the object since
    if (replayed !== undefined) return this.accepted(response, { response: replayed, isReplayed: true });
    const archive = await this.imports.inspect(body.from);
    const result = await this.idempotency.runDetectingReplay(request, async (catalog) =>
      toOperationView(await this.imports.request(catalog, archive, body, actor)),
    );
    return this.accepted(response, result);
  }

  private accepted(response: HttpResponse, result: IdempotentResult<OperationView>): OperationView {
    this.runner.wake();
    setOperationLocation(response, result.response);
    return withReplayHeader(response, result);
  }
}
