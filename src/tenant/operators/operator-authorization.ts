import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { hasRole, type Operator, type OperatorRole } from '../../catalog/model/operator.js';
import { parseSlugOrId } from '../../http/input/slug-or-id.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { type OperatorCall, OperatorRefusals } from './operator-refusals.js';
import { RoleRequiredError, TenantsLimitedError } from './operators.errors.js';
import type { RouteRights } from './route-rights.js';
import { inReach, reachesInstallation, reachParameters } from './tenant-reach.js';

const EXISTS = `SELECT 1 FROM tenants t WHERE (t.id::text = $1 OR t.slug = $1) AND ${inReach('t', 2)}`;

/** Decides whether an operator may do what a control-plane route does. What is refused is in the audit log. */
@Injectable()
export class OperatorAuthorization {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly refusals: OperatorRefusals,
  ) {}

  /**
   * @throws RoleRequiredError, TenantsLimitedError; NotFoundError for a tenant of which the operator is not meant to know
   */
  async authorize(operator: Operator, rights: RouteRights, call: OperatorCall): Promise<void> {
    try {
      requireRole(operator, isRead(call.method) ? rights.read : rights.write);
      if (operator.limitedTo && rights.reach !== 'filtered') await this.requireReach(operator, rights, call);
    } catch (rejection) {
      this.recordRefusal(operator, call);
      throw rejection;
    }
  }

  /** For what is refused behind `authorize`. */
  recordRefusal(operator: Operator, call: OperatorCall): void {
    this.refusals.record(operator, call);
  }

  /** @throws NotFoundError for a tenant of which the operator is not meant to know */
  async requireTenant({ limitedTo }: Operator, slugOrId: string): Promise<void> {
    if (!limitedTo) return;
    const named = parseSlugOrId(slugOrId);
    const name = 'id' in named ? named.id : named.slug;
    const found = await this.catalog.query<unknown[]>(EXISTS, [name, ...reachParameters(limitedTo)]);
    if (found.length === 0) throw new NotFoundError('tenant', slugOrId);
  }

  private async requireReach(operator: Operator, { reach }: RouteRights, { tenant }: OperatorCall): Promise<void> {
    if (reach !== 'tenant' || tenant === undefined) throw new TenantsLimitedError();
    await this.requireTenant(operator, tenant);
  }
}

/** For what concerns more than one tenant. @throws RoleRequiredError, TenantsLimitedError */
export function requireInstallation(operator: Operator, role: OperatorRole): void {
  requireRole(operator, role);
  if (!reachesInstallation(operator)) throw new TenantsLimitedError();
}

/** @throws RoleRequiredError */
export function requireRole(operator: Operator, role: OperatorRole): void {
  if (!hasRole(operator, role)) throw new RoleRequiredError(role);
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
