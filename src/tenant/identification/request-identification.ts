import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { clientAddress } from '../../http/client-address.js';
import { PROBE_ROUTE } from '../../http/probe-routes.js';
import { requestState, setRequestState } from '../../http/request-state.js';
import { currentTracing } from '../../tracing/tracing.js';
import { TenantContext } from '../context/tenant-context.js';
import type { Caller } from './caller.js';
import { Authenticator } from './authenticator.js';
import { selectableHost, splitTenantPath, subdomainOf } from './selectors.js';

const ANONYMOUS: Caller = { kind: 'anonymous' };

const PATH = Symbol('tenant in the path');

interface RequestWithPath {
  [PATH]?: string;
}

/** Fastify's `rewriteUrl`: removes `/t/<tenant>`, which is in no route, and keeps it for identification. */
export function rewriteTenantPath(request: { url?: string | undefined }): string {
  const { path, rest } = splitTenantPath(request.url ?? '/');
  if (path !== undefined) (request as RequestWithPath)[PATH] = path;
  return rest;
}

/** The caller of the request; available after `onRequest`. */
export function callerOf(request: FastifyRequest): Caller {
  return (requestState(request)?.caller as Caller | undefined) ?? ANONYMOUS;
}

/** Identifies every request before its body is read, and runs the rest of it in its tenant's context. */
@Injectable()
export class RequestIdentification {
  private readonly baseDomain: string | undefined;

  constructor(
    @Inject(APP_CONFIG) { http }: AppConfig,
    private readonly authenticator: Authenticator,
    private readonly context: TenantContext,
  ) {
    this.baseDomain = http.tenantBaseDomain;
  }

  register(server: FastifyInstance): void {
    server.addHook('onRequest', (request, _reply, done) => {
      // Probes must be answered even while the catalog, which identification depends on, is frozen.
      if (PROBE_ROUTE.test(request.routeOptions.url ?? '')) return done();
      const proceed = (caller: Caller): void => {
        setRequestState(request, { caller, usage: { statements: 0, waitMs: 0 } });
        done();
      };
      const caller = this.identify(request);
      if (caller instanceof Promise) void caller.then(proceed);
      else proceed(caller);
    });
    // Not earlier: reading the body resumes in the socket's async context, so an earlier context would be lost.
    server.addHook('preHandler', (request, _reply, done) => {
      const caller = callerOf(request);
      const scope = caller.kind === 'tenant' ? caller.scope : undefined;
      if (!scope) return done();
      currentTracing()?.annotate({ 'tenantry.tenant.id': scope.tenant.id });
      this.context.run(scope, done, requestState(request)?.usage);
    });
  }

  private identify(request: FastifyRequest): Caller | Promise<Caller> {
    const { headers, raw } = request;
    const header = headers['x-tenant-id'];
    const host = selectableHost(headers.host);
    const selectors = {
      host,
      subdomain: subdomainOf(host, this.baseDomain),
      header: Array.isArray(header) ? header.join(',') : header,
      path: (raw as RequestWithPath)[PATH],
    };
    return this.authenticator.identify(headers.authorization, selectors, new RequestOrigin(request));
  }
}

/** Reads the address only when it is needed: deriving it costs more than the rest. */
class RequestOrigin {
  constructor(private readonly request: FastifyRequest) {}

  get address(): string {
    return clientAddress(this.request);
  }

  get requestId(): string {
    return this.request.id;
  }
}
