import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** What Tenantry reads of a request of Express (Node's own request, extended) or of Fastify (a wrapper around it). */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The client's address as the framework derives it, with the proxies that it trusts. */
  readonly ip?: string | undefined;
  readonly socket: IncomingMessage['socket'];
  /** The parameters in the matched route's path. */
  readonly params?: unknown;
  /** Fastify: the request's id. */
  readonly id?: unknown;
  /** Fastify: Node's request. */
  readonly raw?: IncomingMessage;
  /** Fastify: the matched route. */
  readonly routeOptions?: { readonly url?: string | undefined };
  /** Express: the matched route, and the path at which its router is mounted. */
  readonly route?: { readonly path?: unknown } | undefined;
  readonly baseUrl?: string;
}

/** What Tenantry uses of a response of Express or Fastify; each method has the same meaning in both. */
export interface HttpResponse {
  header(name: string, value: string): unknown;
  /** Undefined when it is not set. */
  getHeader(name: string): number | string | string[] | undefined;
  status(status: number): HttpResponse;
  type(mediaType: string): HttpResponse;
  send(body: unknown): unknown;
  /** Fastify: Node's response. */
  readonly raw?: ServerResponse;
}

/** Node's request: the one object that every part of a framework, and every hook, shares. */
export function nodeRequest(request: HttpRequest): IncomingMessage {
  return request.raw ?? (request as unknown as IncomingMessage);
}

export function nodeResponse(response: HttpResponse): ServerResponse {
  return response.raw ?? (response as unknown as ServerResponse);
}

/** Nest's route on Express for paths below a global prefix that no route matches; routes of controllers begin with `/`. */
const NOT_FOUND = '*path';

/** The pattern of the matched route, such as `/api/v1/orders/:id`; undefined before routing and where none matched. */
export function routePattern({ routeOptions, route, baseUrl = '' }: HttpRequest): string | undefined {
  if (routeOptions) return routeOptions.url;
  if (typeof route?.path !== 'string' || route.path === NOT_FOUND) return undefined;
  return `${baseUrl}${route.path}`;
}
