import { Header, Inject, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation } from '@nestjs/swagger';
import type { DataSource } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { TENANTS_PATH } from '../tenants/tenants-path.js';
import {
  type ImpersonationView,
  impersonationView,
  newImpersonation,
  type NewImpersonation,
} from './impersonation.schemas.js';
import { Impersonations } from './impersonations.js';

@ControlPlaneController(`${TENANTS_PATH}/:slug/impersonations`)
export class ImpersonationsController {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly impersonations: Impersonations,
  ) {}

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Work as a tenant for some minutes. The token is only in this response' })
  @ApiCreatedResponse(responseSchema(impersonationView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  begin(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @ValidBody(newImpersonation) request: NewImpersonation,
  ): Promise<ImpersonationView> {
    return this.catalog.transaction((catalog) => this.impersonations.begin(catalog, tenant, request, actor));
  }
}
