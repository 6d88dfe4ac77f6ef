import type { FastifyInstance } from 'fastify';
import type { Drain } from './drain.js';
import { PROBE_ROUTE } from '../http/probe-routes.js';
import { ShuttingDownError } from '../http/http.errors.js';
import { sendProblem } from '../http/problem.filter.js';

/**
 * While the instance takes its leave, connections that are open get what they ask for once more and are told to close;
 * what comes over new ones is refused before anything of it is done.
 */
export function drainRequests(server: FastifyInstance, drain: Drain): void {
  drain.watch(server.server);
  server.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown route';
    // Probes are answered to the end: what they say is why the others go elsewhere.
    if (drain.isLateConnection(request.raw.socket) && !PROBE_ROUTE.test(route)) {
      sendProblem(reply, new ShuttingDownError());
      return;
    }
    const open = { method: request.method, route, since: performance.now() };
    drain.started(open);
    reply.raw.once('close', () => drain.ended(open)); // also when the caller went away
    done();
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (drain.hasBegun) void reply.header('connection', 'close');
    done();
  });
}
