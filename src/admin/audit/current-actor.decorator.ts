import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { type Actor, ADMIN_KEY_ACTOR_NAME } from '../../catalog/audit/actor.js';
import { clientAddress } from '../../http/requests/client-address.js';

/** The caller of a control-plane route, as recorded in the audit log. */
export const CurrentActor = createParamDecorator((_data: unknown, context: ExecutionContext): Actor => {
  const request = context.switchToHttp().getRequest<HttpRequest>();
  return { name: ADMIN_KEY_ACTOR_NAME, address: clientAddress(request), requestId: requestIdOf(request) };
});

/** On Express, where the application's logger may have put an id of any kind. */
function requestIdOf({ id }: HttpRequest): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}
