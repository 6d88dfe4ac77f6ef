import { context, propagation, ROOT_CONTEXT, type Span, SpanKind, trace, type Tracer } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { markFailed } from './failed-span.js';

/** Not traced: frequent and uninteresting. */
const PROBES = /^\/health(?:[/?]|$)/;

/**
 * Creates a span per request, in the trace of its `traceparent`. It is the active span while the request is handled:
 * Fastify continues in the context in which a hook calls `done`, even after reading the body. Register it before the
 * hooks whose work should appear in the span.
 */
export function registerRequestSpans(server: FastifyInstance, tracer: Tracer): void {
  server.addHook('onRequest', (request, reply, done) => {
    if (PROBES.test(request.url)) return done();
    const parent = propagation.extract(ROOT_CONTEXT, request.headers);
    const span = tracer.startSpan(
      request.method,
      { kind: SpanKind.SERVER, attributes: requestAttributes(request) },
      parent,
    );
    // Instead of Fastify's onResponse, because it is also emitted for aborted requests.
    reply.raw.once('close', () => end(span, request, reply));
    context.with(trace.setSpan(parent, span), done);
  });
}

/** Without the query string, which may contain personal data. */
function requestAttributes(request: FastifyRequest): Record<string, string> {
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
