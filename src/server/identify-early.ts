import type { FastifyInstance } from 'fastify';
import { PROBE_ROUTE } from '../http/requests/probe-routes.js';
import { usageOf } from '../http/requests/request-state.js';
import type { TenantContext } from '../tenant/context/tenant-context.js';
import { callerOf, type RequestIdentification } from '../tenant/identification/request-identification.js';
import { publishedAccess } from './published-access.js';
import { currentTracing } from '../tracing/tracing.js';

/** Identifies every request before its body is read, and runs the rest of it in its tenant's context. */
export function identifyEarly(
  server: FastifyInstance,
  identification: RequestIdentification,
  context: TenantContext,
): void {
  server.addHook('onRequest', (request, _reply, done) => {
    // Probes must be answered even while the catalog, which identification depends on, is frozen.
    if (PROBE_ROUTE.test(request.routeOptions.url ?? '')) return done();
    const proceed = (): void => done();
    // The application's resolver decides for tenants only: the admin key is no user's.
    const caller =
      publishedAccess(request) === 'control-plane'
        ? identification.byCredential(request)
        : identification.tenantCaller(request);
    if (caller instanceof Promise) void caller.then(proceed);
    else proceed();
  });
  // Not earlier: reading the body resumes in the socket's async context, so an earlier context would be lost.
  server.addHook('preHandler', (request, _reply, done) => {
    const caller = callerOf(request);
    if (caller.kind !== 'tenant' || !caller.scope) return done();
    currentTracing()?.annotate({ 'tenantry.tenant.id': caller.scope.tenant.id });
    context.run(caller.scope, done, { principal: caller.principal, usage: usageOf(request) });
  });
}
