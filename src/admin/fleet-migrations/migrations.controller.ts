import { HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { fleetPreview, type FleetPreviewView, previewRequest, type PreviewRequest } from './fleet-migration.schemas.js';
import { FleetPreview } from './fleet-preview.js';

@ControlPlaneController('admin/v1/migrations')
export class MigrationsController {
  constructor(private readonly fleetPreview: FleetPreview) {}

  @Post('preview')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Preview the SQL of a fleet migration',
    description:
      'The migrations run in a scratch schema, once for each version that tenants have. No tenant is locked or ' +
      'changed. To start the migration: `POST /admin/v1/operations` with `kind` `migrate`.',
  })
  @ApiOkResponse(responseSchema(fleetPreview))
  @ApiProblem('VALIDATION_FAILED')
  preview(@ValidBody(previewRequest) request: PreviewRequest): Promise<FleetPreviewView> {
    return this.fleetPreview.preview(request);
  }
}
