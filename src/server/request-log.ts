import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../logging/log.js';
import { ownTraceParent, traceIdOf } from '../logging/trace-parent.js';
import { usageOf } from '../http/request-state.js';
import { callerOf } from '../tenant/identification/request-identification.js';

/** What a caller may name its request: anything else could forge lines of a log. */
const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

/** Probes come every second and say nothing new. */
const QUIET = /^\/(?:health|metrics)(?:\/|$)/;

/** Fastify's `genReqId`: the caller's `X-Request-Id` when it is one, else a new one. */
export function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Gives every request an id and a trace, both answered with, and writes one line about it when it is done. */
export function logRequests(server: FastifyInstance, log: Log): void {
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id).header('traceparent', ownTraceParent(request.headers.traceparent));
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

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
