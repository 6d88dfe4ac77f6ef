import { context, propagation, ROOT_CONTEXT, type Span, SpanKind, trace, type Tracer } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { markFailed } from './failed-span.js';

/** They come every few seconds for ever, and tell nothing. */
const PROBES = /^\/health(?:[/?]|$)/;

/**
 * One span for each request, in the trace that its `traceparent` names, and the current one while it is worked on:
 * Fastify keeps the context of a hook that goes on by `done`, also over the reading of the body. To be registered before
 * the hooks whose work it should show.
 */
export function registerRequestSpans(server: FastifyInstance, tracer: Tracer): void {
  server.addHook('onRequest', (request, reply, done) => {
    if (PROBES.test(request.url)) return done();
    const caller = propagation.extract(ROOT_CONTEXT, request.headers);
    const span = tracer.startSpan(request.method, { kind: SpanKind.SERVER, attributes: asked(request) }, caller);
    // Not Fastify's onResponse: this comes for a request that was given up, too.
    reply.raw.once('close', () => end(span, request, reply));
    context.with(trace.setSpan(caller, span), done);
  });
}

/** Without the query string: it holds what the caller looks for. */
function asked(request: FastifyRequest): Record<string, string> {
  const [path = '/'] = request.url.split('?', 1);
  return { 'http.request.method': request.method, 'url.path': path, 'url.scheme': request.protocol };
}

function end(span: Span, request: FastifyRequest, { raw }: FastifyReply): void {
  const route = request.routeOptions.url;
  if (route !== undefined) span.updateName(`${request.method} ${route}`).setAttribute('http.route', route);
  if (raw.headersSent) span.setAttribute('http.response.status_code', raw.statusCode);
  if (!raw.writableFinished) markFailed(span, 'ECONNRESET');
  else if (raw.statusCode >= 500) markFailed(span, String(raw.statusCode));
  span.end();
}
