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
  constructor(private readonly fleet: FleetPreview) {}

  @Post('preview')
  @HttpCode(200)
  @ApiOperation({
    summary: 'The SQL that migrating the fleet would run',
    description:
      'Nothing of any tenant is locked or changed: what would run is tried in a scratch schema, once for each version ' +
      'that tenants are on. To run it: `POST /admin/v1/operations` with `kind` `migrate`.',
  })
  @ApiOkResponse({ standardSchema: fleetPreview })
  @ApiProblem('VALIDATION_FAILED')
  preview(@Body({ schema: previewRequest }) request: PreviewRequest): Promise<FleetPreviewView> {
    return this.fleet.preview(request);
  }
}
