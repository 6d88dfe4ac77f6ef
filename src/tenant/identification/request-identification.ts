import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Usage } from '../../database/statements/usage.js';
import { currentTracing } from '../../tracing/tracing.js';
import { TenantContext } from '../context/tenant-context.js';
import type { Caller } from './caller.js';
import { IdentificationService } from './identification.service.js';
import { selectableHost, splitTenantPath } from './selectors.js';

/** What is known of a request beside what it says itself. */
interface RequestState {
  readonly caller: Caller;
  readonly usage: Usage;
}

/** The routes of probes: answered whatever happens to everything else. */
export const PROBE = /^\/health(?:\/|$)/;

const ANONYMOUS: Caller = { kind: 'anonymous' };

const STATE = Symbol('request state');
const PATH = Symbol('tenant in the path');

/** Node's request with what we know of it: there before Fastify's is, and cheaper to keep than an entry of a WeakMap. */
interface KnownRequest {
  [STATE]?: RequestState;
  [PATH]?: string;
}

/** Fastify's `rewriteUrl`: routes never see `/t/<tenant>`, identification does. */
export function rewriteTenantPath(request: { url?: string | undefined }): string {
  const { path, rest } = splitTenantPath(request.url ?? '/');
  if (path !== undefined) (request as KnownRequest)[PATH] = path;
  return rest;
}

/** Who the request comes from; known from `onRequest` on. */
export function callerOf(request: FastifyRequest): Caller {
  return stateOf(request)?.caller ?? ANONYMOUS;
}

/** What the request has asked of the database so far. */
export function usageOf(request: FastifyRequest): Readonly<Usage> {
  return stateOf(request)?.usage ?? { statements: 0, waitMs: 0 };
}

function stateOf({ raw }: FastifyRequest): RequestState | undefined {
  return (raw as KnownRequest)[STATE];
}

/** Identifies every request before its body is read, and runs the rest of it in its tenant's context. */
@Injectable()
export class RequestIdentification {
  constructor(
    private readonly identification: IdentificationService,
    private readonly context: TenantContext,
  ) {}

  register(server: FastifyInstance): void {
    server.addHook('onRequest', (request, _reply, done) => {
      // Probes must be answered while the catalog that would know the caller is frozen.
      if (PROBE.test(request.routeOptions.url ?? '')) return done();
      const goOn = (caller: Caller): void => {
        (request.raw as KnownRequest)[STATE] = { caller, usage: { statements: 0, waitMs: 0 } };
        done();
      };
      const caller = this.identify(request);
      if (caller instanceof Promise) void caller.then(goOn);
      else goOn(caller);
    });
    // Not earlier: reading the body resumes in the socket's context, and a context opened before it would be lost.
    server.addHook('preHandler', (request, _reply, done) => {
      const state = stateOf(request);
      const scope = state?.caller.kind === 'tenant' ? state.caller.scope : undefined;
      if (scope) currentTracing()?.annotate({ 'tenantry.tenant.id': scope.tenant.id });
      if (state && scope) this.context.run(scope, done, state.usage);
      else done();
    });
  }

  private identify({ headers, raw }: FastifyRequest): Caller | Promise<Caller> {
    const header = headers['x-tenant-id'];
    return this.identification.identify(headers.authorization, {
      host: selectableHost(headers.host),
      header: Array.isArray(header) ? header.join(',') : header,
      path: (raw as KnownRequest)[PATH],
    });
  }
}
