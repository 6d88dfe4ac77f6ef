import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ValidQuery } from '../../http/input/valid.decorators.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { auditFilter, type AuditFilter, auditPage, type AuditPage } from './audit.schemas.js';
import type { Operator } from '../../catalog/model/operator.js';
import { CurrentOperator } from '../current-operator.decorator.js';
import { AuditRecords } from './audit-records.js';

@ControlPlaneController('admin/v1/audit', { reach: 'filtered' })
export class AuditController {
  constructor(private readonly records: AuditRecords) {}

  @Get()
  @ApiOperation({ summary: 'List audit log entries, newest first' })
  @ApiOkResponse(responseSchema(auditPage))
  @ApiProblem('VALIDATION_FAILED')
  list(@CurrentOperator() { limitedTo }: Operator, @ValidQuery(auditFilter) filter: AuditFilter): Promise<AuditPage> {
    return this.records.list(filter, limitedTo);
  }
}
