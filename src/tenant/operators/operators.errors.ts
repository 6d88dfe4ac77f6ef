import type { OperatorRole } from '../../catalog/model/operator.js';
import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when an operator's role is not enough for a control-plane route. */
export class RoleRequiredError extends PublicError {
  constructor(role: OperatorRole) {
    super('FORBIDDEN', `this requires the role ${role}`);
  }
}

/** Raised when an operator who is limited to some tenants asks for what concerns others as well. */
export class TenantsLimitedError extends PublicError {
  constructor() {
    super('FORBIDDEN', 'this concerns more than the tenants that you are limited to');
  }
}
