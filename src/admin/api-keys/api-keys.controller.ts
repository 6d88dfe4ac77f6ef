import { Body, Controller, Delete, Get, Header, Param, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ApiProblem } from '../../http/api-problem.decorator.js';
import { ControlPlane } from '../../tenant/access/access.decorators.js';
import { ADMIN_KEY_ACTOR } from '../../catalog/audit/actor.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { ApiRepeatable, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { replayable } from '../idempotency/replayable.js';
import { slugOrId } from '../../http/slug-or-id.js';
import {
  apiKeyView,
  type ApiKeyView,
  issuedApiKey,
  type IssuedApiKey,
  newApiKeyRequest,
  type NewApiKeyRequest,
} from './api-key.schemas.js';
import { apiKeyIdPipe } from './api-key-id.pipe.js';
import { ApiKeys } from './api-keys.js';

@ApiTags('control plane')
@ApiBearerAuth()
@ControlPlane()
@Controller('admin/v1/tenants/:slug/api-keys')
export class ApiKeysController {
  constructor(
    private readonly apiKeys: ApiKeys,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @ApiOperation({ summary: "List a tenant's API keys, newest first" })
  @ApiOkResponse({ standardSchema: z.array(apiKeyView) })
  @ApiProblem('NOT_FOUND', 'no such tenant')
  list(@Param('slug', slugOrId) tenant: string): Promise<readonly ApiKeyView[]> {
    return this.apiKeys.list(tenant);
  }

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Issue an API key; its token is in this answer only' })
  @ApiCreatedResponse({ standardSchema: issuedApiKey })
  @ApiRepeatable('it contradicts what is stored')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  async issue(
    @Param('slug', slugOrId) tenant: string,
    @Body({ schema: newApiKeyRequest.default({}) }) asked: NewApiKeyRequest,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IssuedApiKey> {
    const action = `POST admin/v1/tenants/${tenant}/api-keys`;
    const once = await this.idempotency.answerOnce({ key, action, body: asked }, (catalog) =>
      this.apiKeys.issue(catalog, tenant, asked, ADMIN_KEY_ACTOR),
    );
    return replayable(reply, once);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Revoke an API key: it is refused everywhere within a second' })
  @ApiOkResponse({ standardSchema: apiKeyView })
  @ApiProblem('NOT_FOUND', 'no such tenant or API key')
  revoke(@Param('slug', slugOrId) tenant: string, @Param('id', apiKeyIdPipe) id: string): Promise<ApiKeyView> {
    return this.apiKeys.revoke(tenant, id, ADMIN_KEY_ACTOR);
  }
}
