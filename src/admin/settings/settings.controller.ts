import { Get, Param, Patch } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { Actor } from '../../catalog/audit/actor.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { TENANTS_PATH } from '../tenants/tenants-path.js';
import { settingsChange, type SettingsChange, settingsView, type SettingsView } from './settings.schemas.js';
import { TenantSettingsRecords } from './tenant-settings.js';

@ControlPlaneController(`${TENANTS_PATH}/:slug/settings`)
export class SettingsController {
  constructor(private readonly records: TenantSettingsRecords) {}

  @Get()
  @ApiOperation({ summary: 'Read what holds for a tenant: settings, feature flags and limits, each with its origin' })
  @ApiOkResponse(responseSchema(settingsView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  read(@Param('slug', slugOrId) tenant: string): Promise<SettingsView> {
    return this.records.read(tenant);
  }

  @Patch()
  @ApiOperation({
    summary: "Change a tenant's own settings and feature flags, on every instance at once",
    description: 'Not for secrets: settings are stored and shown as they are. The audit log has their keys.',
  })
  @ApiOkResponse(responseSchema(settingsView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  change(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @ValidBody(settingsChange) change: SettingsChange,
  ): Promise<SettingsView> {
    return this.records.change(tenant, change, actor);
  }
}
