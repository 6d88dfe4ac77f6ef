import type { ServerResponse } from 'node:http';
import type { HttpServer } from '@nestjs/common';
import { type HttpRequest, routePattern } from './http-request.js';

/** Called after each response; `route` is undefined for a path without one. */
type OnResponse = (request: HttpRequest, route: string | undefined, status: number, seconds: number) => void;

interface FastifyServer {
  addHook(event: 'onResponse', hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void): unknown;
}
type FastifyRequest = HttpRequest & { readonly is404: boolean };
interface FastifyReply {
  readonly statusCode: number;
  readonly elapsedTime: number;
}

interface ExpressServer {
  use(middleware: (request: HttpRequest, response: ServerResponse, next: () => void) => void): unknown;
}

/** Observes the responses of a server to which no middleware has been added yet. */
export function observeResponses(adapter: HttpServer, onResponse: OnResponse): void {
  if (adapter.getType() === 'fastify') observeFastify(adapter.getInstance() as FastifyServer, onResponse);
  else if (adapter.getType() === 'express') observeExpress(adapter.getInstance() as ExpressServer, onResponse);
}

function observeFastify(server: FastifyServer, onResponse: OnResponse): void {
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? undefined : routePattern(request);
    onResponse(request, route, reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
}

function observeExpress(server: ExpressServer, onResponse: OnResponse): void {
  server.use((request, response, next) => {
    const startedAt = performance.now();
    response.once('close', () => {
      onResponse(request, routePattern(request), response.statusCode, (performance.now() - startedAt) / 1000);
    });
    next();
  });
}
