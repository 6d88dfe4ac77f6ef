import { Injectable } from '@nestjs/common';
import type { Operator } from '../../catalog/model/operator.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { OperatorAuthorization, requireRole } from '../../tenant/operators/operator-authorization.js';
import { OperationRecords } from './operation-records.js';
import type { OperationView } from './operation.schemas.js';
import { RequestedOperations } from './requested-operations.js';

/** Which operations an operator may see and change: those on tenants that it may work on. */
@Injectable()
export class OperationReach {
  constructor(
    private readonly records: OperationRecords,
    private readonly requested: RequestedOperations,
    private readonly authorization: OperatorAuthorization,
  ) {}

  /** @throws NotFoundError, also for an operation of which the operator is not meant to know */
  async read(operator: Operator, id: string): Promise<OperationView> {
    const operation = await this.records.read(id);
    if (!operator.limitedTo) return operation;
    if (operation.tenantId === null) throw new NotFoundError('operation');
    try {
      await this.authorization.requireTenant(operator, operation.tenantId);
    } catch (error) {
      throw error instanceof NotFoundError ? new NotFoundError('operation') : error;
    }
    return operation;
  }

  /** @throws NotFoundError, RoleRequiredError */
  async requireChange(operator: Operator, id: string): Promise<void> {
    const { kind } = await this.read(operator, id);
    requireRole(operator, this.requested.roleFor(kind));
  }
}
