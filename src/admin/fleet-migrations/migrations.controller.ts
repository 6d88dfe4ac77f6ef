import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblem } from '../../http/api-problem.decorator.js';
import { ControlPlane } from '../../tenant/access/access.decorators.js';
import { fleetPreview, type FleetPreviewView, previewRequest, type PreviewRequest } from './fleet-migration.schemas.js';
import { FleetPreview } from './fleet-preview.js';

@ApiTags('control plane')
@ApiBearerAuth()
@ControlPlane()
@Controller('admin/v1/migrations')
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
  @ApiOkResponse({ standardSchema: fleetPreview })
  @ApiProblem('VALIDATION_FAILED')
  preview(@Body({ schema: previewRequest }) request: PreviewRequest): Promise<FleetPreviewView> {
    return this.fleetPreview.preview(request);
  }
}
