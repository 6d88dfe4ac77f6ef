import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Registry } from 'prom-client';
import { usageOf } from '../http/request-state.js';
import { callerOf } from '../tenant/identification/request-identification.js';
import { report } from './series/reported-metric.js';
import { RouteCounters } from './series/route-counters.js';
import { TenantMetrics } from './tenant-metrics.js';

const DURATION = 'tenantry_http_request_duration_seconds';

/** For addresses that no route has: what callers make up must not become series. */
const UNKNOWN_ROUTE = 'unknown';

/** Requests answered, by route. */
@Injectable()
export class RequestMetrics implements OnModuleInit {
  /** By method, then by route. */
  private readonly tallies = new Map<string, Map<string, RouteCounters>>();

  constructor(
    registry: Registry,
    private readonly tenants: TenantMetrics,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    report(registry, {
      name: 'tenantry_http_requests_total',
      help: 'Requests answered, by route pattern ("unknown" where there is none), method and status.',
      type: 'counter',
      read: () => this.all().flatMap((tally) => tally.answered()),
    });
    report(registry, {
      name: DURATION,
      help: 'From the request line to the last byte of the answer, by route pattern and method.',
      type: 'histogram',
      read: () => this.all().flatMap((tally) => tally.duration(DURATION)),
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
    this.countersOf(request.method, route).record(reply.statusCode, reply.elapsedTime / 1000);
    const caller = callerOf(request);
    if (caller.kind === 'tenant') this.tenants.record(caller.tenant.slug, usageOf(request));
  }
  private countersOf(method: string, route: string): RouteCounters {
    let ofMethod = this.tallies.get(method);
    if (!ofMethod) this.tallies.set(method, (ofMethod = new Map()));
    let tally = ofMethod.get(route);
    if (!tally) ofMethod.set(route, (tally = new RouteCounters({ method, route })));
    return tally;
  }

  private all(): RouteCounters[] {
    return [...this.tallies.values()].flatMap((ofMethod) => [...ofMethod.values()]);
  }
}
