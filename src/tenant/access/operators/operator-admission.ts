import { type ExecutionContext, Injectable } from '@nestjs/common';
import { clientAddress } from '../../../http/requests/client-address.js';
import { type HttpRequest, type HttpResponse, routePattern } from '../../../http/requests/http-request.js';
import { requestIdOf } from '../../../http/requests/request-id.js';
import type { Caller } from '../../identification/caller.js';
import { OperatorAuthorization } from '../../operators/operator-authorization.js';
import { routeRights } from '../../operators/route-rights.js';
import { OperatorResponses } from './operator-responses.js';

/** Admits operators to the handlers of control-plane routes, by their role and their tenants. */
@Injectable()
export class OperatorAdmission {
  constructor(
    private readonly authorization: OperatorAuthorization,
    private readonly responses: OperatorResponses,
  ) {}

  /** A response over HTTP ends when the operator is not admitted any more. @throws RoleRequiredError, TenantsLimitedError, NotFoundError */
  async admit(caller: Caller, execution: ExecutionContext): Promise<true> {
    if (caller.kind !== 'operator') return true; // `requireAccess` has refused it
    const rights = routeRights(execution.getHandler(), execution.getClass());
    await this.authorization.authorize(caller.operator, rights, operatorCallOf(execution));
    if (execution.getType() === 'http') {
      const http = execution.switchToHttp();
      this.responses.watch(caller.operator, http.getRequest<HttpRequest>(), http.getResponse<HttpResponse>());
    }
    return true;
  }
}

/** What an operator asks for, as the audit log has it. */
export function operatorCallOf(execution: ExecutionContext): Parameters<OperatorAuthorization['authorize']>[2] {
  const handler = `${execution.getClass().name}.${execution.getHandler().name}`;
  if (execution.getType() !== 'http') {
    return { method: execution.getType(), route: handler, tenant: undefined, address: '', requestId: '' };
  }
  const request = execution.switchToHttp().getRequest<HttpRequest>();
  return {
    method: request.method,
    route: routePattern(request) ?? handler,
    tenant: slugOf(request),
    address: clientAddress(request),
    requestId: requestIdOf(request) ?? '',
  };
}

function slugOf({ params }: HttpRequest): string | undefined {
  const slug = (params as Readonly<Record<string, unknown>> | undefined)?.['slug'];
  return typeof slug === 'string' ? slug : undefined;
}
