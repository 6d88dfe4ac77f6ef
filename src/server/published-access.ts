import { RouteConfig } from '@nestjs/platform-fastify';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';
import type { Access } from '../tenant/access/access.js';
import type { Handler, RouteAccess } from '../tenant/access/route-access.js';

/** A route's `config`, in Fastify. */
interface AccessConfig {
  readonly access?: Access | undefined;
}

/**
 * Publishes each route's access in Fastify's configuration of the route, for hooks that run before Nest has a handler. Call it
 * before Nest registers the routes.
 */
export function publishAccess(routes: RouteAccess): void {
  const found = new Map<Handler, Set<Access>>();
  for (const { handler, access } of routes.routes()) {
    found.set(handler, (found.get(handler) ?? new Set()).add(access));
  }
  for (const [handler, accesses] of found) {
    // A method inherited by controllers of different access has none of its own; the guard alone decides then.
    setConfig(handler, accesses.size === 1 ? [...accesses][0] : undefined);
  }
}

/** Undefined for routes that are no controller's. */
export function publishedAccess({ routeOptions }: FastifyRequest): Access | undefined {
  return (routeOptions.config as AccessConfig).access;
}

function setConfig(handler: Handler, access: Access | undefined): void {
  const config = Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, handler) as object | undefined;
  RouteConfig({ ...config, access })(handler, '', { value: handler });
}
