import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Histogram, Registry } from 'prom-client';
import { callerOf, usageOf } from '../tenant/identification/request-identification.js';
import { TenantMetrics } from './tenant-metrics.js';

const DURATION_BOUNDS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** For addresses that no route has: what callers make up must not become series. */
const UNKNOWN_ROUTE = 'unknown';

/** Requests answered, by route. */
@Injectable()
export class RequestMetrics implements OnModuleInit {
  private readonly requests: Counter<'method' | 'route' | 'status'>;
  private readonly durations: Histogram<'method' | 'route'>;

  constructor(
    registry: Registry,
    private readonly tenants: TenantMetrics,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    this.requests = new Counter({
      name: 'tenantry_http_requests_total',
      help: 'Requests answered, by route pattern ("unknown" where there is none), method and status.',
      labelNames: ['method', 'route', 'status'],
      registers: [registry],
    });
    this.durations = new Histogram({
      name: 'tenantry_http_request_duration_seconds',
      help: 'From the request line to the last byte of the answer, by route pattern and method.',
      labelNames: ['method', 'route'],
      buckets: DURATION_BOUNDS_SECONDS,
      registers: [registry],
    });
  }

  /** Fastify gives a hook to every route, also to those that are there already, until it listens. */
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
    const { method } = request;
    this.requests.inc({ method, route, status: String(reply.statusCode) });
    this.durations.observe({ method, route }, reply.elapsedTime / 1000);
    const caller = callerOf(request);
    if (caller.kind === 'tenant') this.tenants.record(caller.tenant.slug, usageOf(request));
  }
}
