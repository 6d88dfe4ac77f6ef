import { NotFoundException } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { announcesBody } from '../http/requests/unread-body.js';
import { callerOf } from '../tenant/identification/request-identification.js';
import { requireAccess } from '../tenant/access/require-access.js';
import { publishedAccess } from './published-access.js';

/**
 * Refuses a request that its route does not admit before its body is read, so that a caller without a credential causes no
 * work. Requests without a body are left to `AccessGuard`. Register it after the identification of callers.
 */
export function refuseBeforeBody(server: FastifyInstance): void {
  server.addHook('onRequest', (request, _reply, done) => {
    try {
      if (announcesBody(request.raw)) assertAdmitted(request);
      done();
    } catch (rejection) {
      done(rejection as Error);
    }
  });
}

function assertAdmitted(request: FastifyRequest): void {
  if (request.is404) throw new NotFoundException(`Cannot ${request.method} ${request.url}`);
  const access = publishedAccess(request);
  if (access !== undefined) requireAccess(access, callerOf(request));
}
