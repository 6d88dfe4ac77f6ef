import { Delete, Get, Header, Param, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { IdPipe } from '../../http/input/id.pipe.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import {
  apiKeyId,
  apiKeyView,
  type ApiKeyView,
  issuedApiKey,
  type IssuedApiKey,
  newApiKeyRequest,
  type NewApiKeyRequest,
} from './api-key.schemas.js';
import { ApiKeys } from './api-keys.js';

const keyIdPipe = new IdPipe('API key', (id) => apiKeyId.safeParse(id).success);

@ControlPlaneController('admin/v1/tenants/:slug/api-keys')
export class ApiKeysController {
  constructor(
    private readonly apiKeys: ApiKeys,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @ApiOperation({ summary: "List a tenant's API keys, newest first" })
  @ApiOkResponse(responseSchema(z.array(apiKeyView)))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  list(@Param('slug', slugOrId) tenant: string): Promise<readonly ApiKeyView[]> {
    return this.apiKeys.list(tenant);
  }

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Issue an API key. Its token is only in this response' })
  @ApiCreatedResponse(responseSchema(issuedApiKey))
  @ApiIdempotent('the request conflicts with stored data')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  async issue(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @ValidBody(newApiKeyRequest.default({})) request: NewApiKeyRequest,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<IssuedApiKey> {
    const action = `POST admin/v1/tenants/${tenant}/api-keys`;
    const result = await this.idempotency.runDetectingReplay({ key, action, body: request }, (catalog) =>
      this.apiKeys.issue(catalog, tenant, request, actor),
    );
    return withReplayHeader(response, result);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Revoke an API key: within a second every instance rejects it' })
  @ApiOkResponse(responseSchema(apiKeyView))
  @ApiProblem('NOT_FOUND', 'no such tenant or API key')
  revoke(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @Param('id', keyIdPipe) id: string,
  ): Promise<ApiKeyView> {
    return this.apiKeys.revoke(tenant, id, actor);
  }
}
