import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { TenantContext } from '../tenant-context.js';
import type { Caller } from './caller.js';
import { IdentificationService } from './identification.service.js';
import { selectableHost, splitTenantPath } from './selectors.js';

const callers = new WeakMap<object, Caller>();
const paths = new WeakMap<object, string>();

/** Fastify's `rewriteUrl`: routes never see `/t/<tenant>`, identification does. */
export function rewriteTenantPath(request: { url?: string | undefined }): string {
  const { path, rest } = splitTenantPath(request.url ?? '/');
  if (path !== undefined) paths.set(request, path);
  return rest;
}

/** Who the request comes from; known from `onRequest` on. */
export function callerOf(request: FastifyRequest): Caller {
  return callers.get(request.raw) ?? { kind: 'anonymous' };
}

/** Identifies every request before its body is read, and runs the rest of it in its tenant's context. */
@Injectable()
export class RequestIdentification {
  constructor(
    private readonly identification: IdentificationService,
    private readonly context: TenantContext,
  ) {}

  register(server: FastifyInstance): void {
    server.addHook('onRequest', async (request) => {
      callers.set(request.raw, await this.identify(request));
    });
    // Not earlier: reading the body resumes in the socket's context, and a context opened before it would be lost.
    server.addHook('preHandler', (request, _reply, done) => {
      const caller = callerOf(request);
      if (caller.kind === 'tenant' && caller.scope) this.context.run(caller.scope, done);
      else done();
    });
  }

  private identify({ headers, raw }: FastifyRequest): Promise<Caller> {
    const header = headers['x-tenant-id'];
    return this.identification.identify(headers.authorization, {
      host: selectableHost(headers.host),
      header: Array.isArray(header) ? header.join(',') : header,
      path: paths.get(raw),
    });
  }
}
