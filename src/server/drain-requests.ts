import type { FastifyInstance } from 'fastify';
import type { Drain } from './drain.js';
import { PROBE_ROUTE } from '../http/requests/probe-routes.js';
import { ShuttingDownError } from '../http/problems/http.errors.js';
import { sendProblem } from '../http/problems/problem.filter.js';

/**
 * During shutdown, serves further requests over existing connections, with `Connection: close`, and rejects requests
 * over new connections before any work is done.
 */
export function drainRequests(server: FastifyInstance, drain: Drain): void {
  drain.watch(server.server);
  server.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown route';
    // Probes are served until the end: their "not ready" makes load balancers use other instances.
    if (drain.isLateConnection(request.raw.socket) && !PROBE_ROUTE.test(route)) {
      sendProblem(reply, new ShuttingDownError());
      return;
    }
    const openRequest = { method: request.method, route, startedAtMs: performance.now() };
    drain.requestStarted(openRequest);
    reply.raw.once('close', () => drain.requestEnded(openRequest)); // also emitted when the client disconnects
    done();
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (drain.hasBegun) void reply.header('connection', 'close');
    done();
  });
}
