import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblem } from '../../http/api-problem.decorator.js';
import { ControlPlane } from '../../tenant/access/access.decorators.js';
import { auditFilter, type AuditFilter, auditPage, type AuditPage } from './audit.schemas.js';
import { AuditRecords } from './audit-records.js';

@ApiTags('control plane')
@ApiBearerAuth()
@ControlPlane()
@Controller('admin/v1/audit')
export class AuditController {
  constructor(private readonly records: AuditRecords) {}

  @Get()
  @ApiOperation({ summary: 'List audit log entries, newest first' })
  @ApiOkResponse({ standardSchema: auditPage })
  @ApiProblem('VALIDATION_FAILED')
  list(@Query({ schema: auditFilter }) filter: AuditFilter): Promise<AuditPage> {
    return this.records.list(filter);
  }
}
