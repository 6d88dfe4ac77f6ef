import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { Operator } from '../../catalog/model/operator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { CurrentOperator } from '../current-operator.decorator.js';
import { tenantCountsView, type TenantCountsView } from './tenant.schemas.js';
import { TenantRecords } from './tenant-records.js';

/** Not below `tenants/`, where any name may be a tenant's slug. */
@ControlPlaneController('admin/v1/tenant-counts', { reach: 'filtered' })
export class TenantCountsController {
  constructor(private readonly records: TenantRecords) {}

  @Get()
  @ApiOperation({ summary: 'Count tenants by status, isolation, server and plan' })
  @ApiOkResponse(responseSchema(tenantCountsView))
  count(@CurrentOperator() { limitedTo }: Operator): Promise<TenantCountsView> {
    return this.records.count(limitedTo);
  }
}
