import { Delete, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import { maintenance, type Maintenance, tenantView, type TenantView } from './tenant.schemas.js';
import { TenantLifecycle } from './tenant-lifecycle.js';
import { TENANTS_PATH } from './tenants-path.js';

/**
 * Changes whether a tenant is served. All routes are idempotent: without a change of state the response is the same.
 */
@ControlPlaneController(`${TENANTS_PATH}/:slug`)
export class TenantLifecycleController {
  constructor(private readonly lifecycle: TenantLifecycle) {}

  @Post('suspend')
  @HttpCode(200)
  @ApiOperation({ summary: 'Suspend a tenant: within a second all its work stops, on every instance' })
  @ApiOkResponse(responseSchema(tenantView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'its status does not allow it')
  suspend(@CurrentActor() actor: Actor, @Param('slug', slugOrId) tenant: string): Promise<TenantView> {
    return this.lifecycle.suspend(tenant, actor);
  }

  @Post('resume')
  @HttpCode(200)
  @ApiOperation({ summary: 'End a suspension' })
  @ApiOkResponse(responseSchema(tenantView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'its status does not allow it')
  resume(@CurrentActor() actor: Actor, @Param('slug', slugOrId) tenant: string): Promise<TenantView> {
    return this.lifecycle.resume(tenant, actor);
  }

  @Put('maintenance')
  @ApiOperation({ summary: 'Start maintenance, or change its message: callers are asked to retry later' })
  @ApiOkResponse(responseSchema(tenantView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'its status does not allow it')
  beginMaintenance(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @ValidBody(maintenance.default({})) options: Maintenance,
  ): Promise<TenantView> {
    return this.lifecycle.beginMaintenance(tenant, options, actor);
  }

  @Delete('maintenance')
  @ApiOperation({ summary: 'End maintenance' })
  @ApiOkResponse(responseSchema(tenantView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'its status does not allow it')
  endMaintenance(@CurrentActor() actor: Actor, @Param('slug', slugOrId) tenant: string): Promise<TenantView> {
    return this.lifecycle.endMaintenance(tenant, actor);
  }

  @Post('restore')
  @HttpCode(200)
  @ApiOperation({ summary: 'Undo a deletion whose grace period has not passed' })
  @ApiOkResponse(responseSchema(tenantView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'the tenant is not being deleted, or the deletion of its data has started')
  restore(@CurrentActor() actor: Actor, @Param('slug', slugOrId) tenant: string): Promise<TenantView> {
    return this.lifecycle.restore(tenant, actor);
  }
}
