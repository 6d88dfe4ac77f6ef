import { Inject, Injectable, type MiddlewareConsumer, Optional, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { openContextOf, setOpenContext } from '../../http/requests/request-state.js';
import { runInContext } from '../../platform/context.js';
import type { OpenContext } from '../context/tenant-context.js';
import { type Handler, type Route, RouteAccess } from './route-access.js';

/** Injection token: true where the process identifies requests earlier, in hooks of its server. */
export const IDENTIFIES_EARLY = Symbol.for('tenantry/identifies-early');

/** Marks the routes whose context is opened, in Fastify's configuration of the route. */
const IS_TENANT_ROUTE = Symbol.for('tenantry/is-tenants');

/** How Nest keeps a Fastify route's configuration with its handler. */
type RouteConfigDecorator = (config: object) => (target: object, name: string, descriptor: { value: unknown }) => void;

/**
 * Opens a context for requests of tenants' routes before the guards, empty at first. Whatever follows runs in it, other
 * modules' interceptors and exception filters too, although it is a guard or an interceptor that fills it.
 */
@Injectable()
export class OpenContexts {
  constructor(
    private readonly routes: RouteAccess,
    private readonly adapterHost: HttpAdapterHost,
    @Optional() @Inject(IDENTIFIES_EARLY) private readonly identifiesEarly = false,
  ) {}

  /** Express: by a middleware of the controllers with tenants' routes, which runs behind the body parsers. */
  applyTo(consumer: MiddlewareConsumer): void {
    if (this.isNeeded && this.adapterType !== 'fastify') {
      const controllers = new Set(this.tenantRoutes().map(({ controller }) => controller));
      if (controllers.size > 0) consumer.apply(openContext).forRoutes(...controllers);
    }
  }

  /**
   * Fastify: by a hook of the routes themselves, behind the body parsers. Its middlewares run before those, and reading a body
   * resumes in the socket's own context. Call it before Nest registers the routes.
   */
  async prepareFastify(): Promise<void> {
    if (!this.isNeeded || this.adapterType !== 'fastify') return;
    const { RouteConfig } = await import('@nestjs/platform-fastify');
    const { FASTIFY_ROUTE_CONFIG_METADATA } = await import('@nestjs/platform-fastify/constants.js');
    const routes = this.tenantRoutes();
    for (const { handler } of routes) mark(handler, FASTIFY_ROUTE_CONFIG_METADATA, RouteConfig);
    const serveAllMethods = routes.some(({ handler }) => servesAllMethods(handler));
    this.adapterHost.httpAdapter.getInstance<FastifyInstance>().addHook('onRoute', (route) => {
      // NestJS 11 registers `@All()` routes without their configuration: it is not known which of them are tenants'.
      const isUnknown = serveAllMethods && route.config === undefined && Array.isArray(route.method);
      if (!isUnknown && !(IS_TENANT_ROUTE in (route.config ?? {}))) return;
      const open = (request: FastifyRequest, _reply: unknown, done: () => void): void =>
        openContext(request, undefined, done);
      route.preHandler = [open, ...[route.preHandler ?? []].flat()];
    });
  }

  private get isNeeded(): boolean {
    return !this.identifiesEarly && this.adapterType !== undefined;
  }

  /** Undefined without HTTP. */
  private get adapterType(): string | undefined {
    return (this.adapterHost.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined)?.getType();
  }

  private tenantRoutes(): Route[] {
    return [...this.routes.routes()].filter(({ access }) => access === 'tenant');
  }
}

function mark(handler: Handler, key: string, decorator: RouteConfigDecorator): void {
  const config = Reflect.getMetadata(key, handler) as object | undefined;
  decorator({ ...config, [IS_TENANT_ROUTE]: true })(handler, '', { value: handler });
}

function servesAllMethods(handler: Handler): boolean {
  return Reflect.getMetadata(METHOD_METADATA, handler) === RequestMethod.ALL;
}

function openContext(request: HttpRequest, _response: unknown, next: () => void): void {
  if (openContextOf(request)) return next();
  const context: OpenContext = {};
  setOpenContext(request, context);
  runInContext(context, next);
}
