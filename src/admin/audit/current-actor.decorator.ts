import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Actor, ADMIN_KEY_ACTOR_NAME } from '../../catalog/audit/actor.js';
import { clientAddress } from '../../http/client-address.js';

/** The caller of a control-plane route, as recorded in the audit log. */
export const CurrentActor = createParamDecorator((_data: unknown, context: ExecutionContext): Actor => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return { name: ADMIN_KEY_ACTOR_NAME, address: clientAddress(request), requestId: request.id };
});
