import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Actor } from '../../catalog/audit/actor.js';
import { clientAddress } from '../../http/requests/client-address.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { requestIdOf } from '../../http/requests/request-id.js';
import { operatorOf } from '../../tenant/identification/request-operator.js';

/** The caller of a control-plane route, as recorded in the audit log. */
export const CurrentActor = createParamDecorator((_data: unknown, context: ExecutionContext): Actor => {
  const request = context.switchToHttp().getRequest<HttpRequest>();
  const { id, name } = operatorOf(request);
  return { name, ...(id !== null && { id }), address: clientAddress(request), requestId: requestIdOf(request) };
});
