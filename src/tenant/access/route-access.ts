import { Injectable } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';
import { ACCESS, type Access } from './access.decorators.js';

/** As Nest types handlers and controllers. */
type Handler = Parameters<Reflector['get']>[1];

/** A route's `config`, in Fastify. */
interface AccessConfig {
  readonly access?: Access | undefined;
}

/**
 * Which callers a route admits. It is published in Fastify's configuration of the route as well, for hooks that run before
 * Nest has a handler.
 */
@Injectable()
export class RouteAccess {
  constructor(
    private readonly reflector: Reflector,
    private readonly modules: ModulesContainer,
  ) {}

  of(handler: Handler, controller: Handler): Access {
    return this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, controller]) ?? 'tenant';
  }

  /** Call it before Nest registers the routes. */
  publish(): void {
    const found = new Map<Handler, Set<Access>>();
    for (const { handler, access } of this.handlers()) {
      found.set(handler, (found.get(handler) ?? new Set()).add(access));
    }
    for (const [handler, accesses] of found) {
      // A method inherited by controllers of different access has none of its own; the guard alone decides then.
      setConfig(handler, accesses.size === 1 ? [...accesses][0] : undefined);
    }
  }

  private *handlers(): Iterable<{ handler: Handler; access: Access }> {
    const scanner = new MetadataScanner();
    for (const module of this.modules.values()) {
      for (const { metatype } of module.controllers.values()) {
        if (typeof metatype !== 'function') continue;
        const prototype = metatype.prototype as Record<string, Handler>;
        for (const name of scanner.getAllMethodNames(prototype)) {
          const handler = prototype[name]!;
          yield { handler, access: this.of(handler, metatype) };
        }
      }
    }
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
