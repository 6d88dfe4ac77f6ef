import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../logging/log.js';
import { childTraceParent, traceIdOf } from '../logging/trace-parent.js';
import { usageOf } from '../http/requests/request-state.js';
import type { Caller } from '../tenant/identification/caller.js';
import type { ApiKeyPrincipal } from '../tenant/identification/principal.js';
import { callerOf } from '../tenant/identification/request-identification.js';

/** Accepted request ids; anything else could forge log lines. */
const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

/** Frequent, uninteresting requests, logged at debug level. */
const QUIET = /^\/(?:health|metrics)(?:\/|$)/;

/** Fastify's `genReqId`: the client's `X-Request-Id` when it is valid, else a new id. */
export function requestId({ headers }: IncomingMessage): string {
  const incoming = headers['x-request-id'];
  return typeof incoming === 'string' && REQUEST_ID.test(incoming) ? incoming : randomUUID();
}

/** Adds a request id and a `traceparent` to every response, and logs one line per request. */
export function logRequests(server: FastifyInstance, log: Log): void {
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id).header('traceparent', childTraceParent(request.headers.traceparent));
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    writeLine(log, request, reply);
    done();
  });
}

function writeLine(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  const { method, routeOptions, id } = request;
  const route = routeOptions.url ?? 'unknown route';
  const level = reply.statusCode >= 500 ? 'warn' : QUIET.test(route) ? 'debug' : 'info';
  if (!log.isLevelEnabled(level)) return;
  const caller = callerOf(request);
  const usage = usageOf(request);
  const tenant = caller.kind === 'tenant' ? caller.tenant.slug : undefined;
  const durationMs = round(reply.elapsedTime);
  log[level](
    {
      context: 'Request',
      request: {
        id,
        traceId: traceIdOf(reply.getHeader('traceparent')),
        tenant,
        caller: caller.kind,
        operator: operatorNameOf(caller),
        method,
        route,
        status: reply.statusCode,
        durationMs,
        statements: usage.statements,
        waitMs: round(usage.waitMs),
      },
    },
    `${method} ${route} ${reply.statusCode} ${durationMs} ms${tenant === undefined ? '' : ` ${tenant}`}`,
  );
}

/** Also of an operator who works as a tenant. */
function operatorNameOf(caller: Caller): string | undefined {
  if (caller.kind === 'operator') return caller.operator.name;
  if (caller.kind !== 'tenant') return undefined;
  return (caller.principal as Partial<ApiKeyPrincipal> | undefined)?.impersonatedBy;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
