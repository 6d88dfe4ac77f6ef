import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Registry } from 'prom-client';
import { usageOf } from '../http/request-state.js';
import { callerOf } from '../tenant/identification/request-identification.js';
import { registerMetric } from './series/reported-metric.js';
import { RouteCounters } from './series/route-counters.js';
import { TenantMetrics } from './tenant-metrics.js';

const DURATION = 'tenantry_http_request_duration_seconds';

/** Label for paths without a route, so that made-up paths do not become series. */
const UNKNOWN_ROUTE = 'unknown';

/** Metrics of requests by route, and of the requests of each tenant. */
@Injectable()
export class RequestMetrics implements OnModuleInit {
  /** By method, then by route. */
  private readonly counters = new Map<string, Map<string, RouteCounters>>();

  constructor(
    registry: Registry,
    private readonly tenants: TenantMetrics,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    registerMetric(registry, {
      name: 'tenantry_http_requests_total',
      help: 'Requests by route pattern ("unknown" when no route matches), method and status.',
      type: 'counter',
      read: () => this.all().flatMap((route) => route.requests()),
    });
    registerMetric(registry, {
      name: DURATION,
      help: 'Time from the request line to the last byte of the response, by route pattern and method.',
      type: 'histogram',
      read: () => this.all().flatMap((route) => route.duration(DURATION)),
    });
  }

  /** Until it listens, Fastify applies a new hook to all routes, including existing ones. */
  onModuleInit(): void {
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.getType() === 'fastify') this.register(httpAdapter.getInstance<FastifyInstance>());
  }

  private register(server: FastifyInstance): void {
    server.addHook('onResponse', (request, reply, done) => {
      this.record(request, reply);
      done();
    });
  }

  private record(request: FastifyRequest, reply: FastifyReply): void {
    const route = request.is404 ? UNKNOWN_ROUTE : (request.routeOptions.url ?? UNKNOWN_ROUTE);
    this.countersOf(request.method, route).record(reply.statusCode, reply.elapsedTime / 1000);
    const caller = callerOf(request);
    if (caller.kind === 'tenant') this.tenants.record(caller.tenant.slug, usageOf(request));
  }

  private countersOf(method: string, route: string): RouteCounters {
    let byRoute = this.counters.get(method);
    if (!byRoute) this.counters.set(method, (byRoute = new Map()));
    let counters = byRoute.get(route);
    if (!counters) byRoute.set(route, (counters = new RouteCounters({ method, route })));
    return counters;
  }

  private all(): RouteCounters[] {
    return [...this.counters.values()].flatMap((byRoute) => [...byRoute.values()]);
  }
}
