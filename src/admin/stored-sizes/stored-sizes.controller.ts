import { Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { responseSchema } from '../../http/input/documented-schema.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { TENANTS_PATH } from '../tenants/tenants-path.js';
import { StoredSizeRecords } from './stored-size-records.js';
import { storedSizeView, type StoredSizeView } from './stored-size.schemas.js';
import { StoredSizes } from './stored-sizes.js';

@ControlPlaneController(`${TENANTS_PATH}/:slug/stored-size`)
export class StoredSizesController {
  constructor(
    private readonly records: StoredSizeRecords,
    private readonly sizes: StoredSizes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Read what a tenant has stored, as it was last measured' })
  @ApiOkResponse(responseSchema(storedSizeView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  read(@Param('slug', slugOrId) tenant: string): Promise<StoredSizeView> {
    return this.records.read(tenant);
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Measure what a tenant has stored, now',
    description:
      'Otherwise that is done every `STORAGE_MEASURE_MINUTES`. A tenant below its limit may add rows again seconds later.',
  })
  @ApiOkResponse(responseSchema(storedSizeView))
  @ApiProblem('NOT_FOUND', 'no such tenant, or it has no database yet')
  measure(@Param('slug', slugOrId) tenant: string): Promise<StoredSizeView> {
    return this.sizes.measure(tenant);
  }
}
