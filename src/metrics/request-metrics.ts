import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Registry } from 'prom-client';
import type { HttpRequest } from '../http/requests/http-request.js';
import { requestState, usageOf } from '../http/requests/request-state.js';
import type { Caller } from '../tenant/identification/caller.js';
import { observeResponses } from '../http/requests/observe-responses.js';
import { registerMetric } from './series/reported-metric.js';
import { RouteCounters } from './series/route-counters.js';
import { TenantMetrics } from './tenant-metrics.js';

const DURATION = 'tenantry_http_request_duration_seconds';

/** Label for paths without a route, so that made-up paths do not become series. */
const UNKNOWN_ROUTE = 'unknown';

/** Metrics of requests by route, and of the requests of each tenant. */
@Injectable()
export class RequestMetrics {
  /** By method, then by route. */
  private readonly counters = new Map<string, Map<string, RouteCounters>>();

  constructor(
    registry: Registry,
    private readonly tenants: TenantMetrics,
    adapterHost: HttpAdapterHost,
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
    // As soon as there is a server: Express runs what is added later only for requests that no route has answered.
    adapterHost.init$.subscribe(() => {
      observeResponses(adapterHost.httpAdapter, this.record.bind(this));
    });
  }

  private record(request: HttpRequest, route: string | undefined, status: number, seconds: number): void {
    this.countersOf(request.method, route ?? UNKNOWN_ROUTE).record(status, seconds);
    const caller = requestState(request)?.caller as Caller | undefined;
    if (caller?.kind === 'tenant') this.tenants.record(caller.tenant.slug, usageOf(request));
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
