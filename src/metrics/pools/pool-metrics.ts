import { Injectable, Optional } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { type ServerSnapshot, WAIT_BUCKETS_MS } from '../../database/pool/pool-statistics.js';
import type { MetricsSource } from '../series/metrics-source.js';
import { PoolActivity, type PoolState } from './pool-activity.js';
import { closedIn, eventsIn, type PoolEvent, type PoolCounters, waitedIn, waitsIn } from './pool-counters.js';
import { histogram, registerMetric, type Sample } from '../series/reported-metric.js';

const WAIT_BOUNDS_SECONDS = WAIT_BUCKETS_MS.map((ms) => ms / 1000);
const WAIT = 'tenantry_pool_wait_seconds';

const COUNTERS: readonly { readonly event: PoolEvent; readonly name: string; readonly help: string }[] = [
  { event: 'opened', name: 'tenantry_pool_opened_total', help: 'Connections opened.' },
  { event: 'openFailures', name: 'tenantry_pool_open_failures_total', help: 'Connections that could not be opened.' },
  {
    event: 'timeouts',
    name: 'tenantry_pool_timeouts_total',
    help: 'Callers that timed out waiting for a connection (POOL_TIMEOUT).',
  },
  {
    event: 'refused',
    name: 'tenantry_pool_refused_total',
    help: 'Callers rejected because their tenant reached its limits (TENANT_BUSY).',
  },
  {
    event: 'fallbacks',
    name: 'tenantry_pool_fallbacks_total',
    help: 'Callers served by a direct connection because of an internal failure of the pool.',
  },
  {
    event: 'resent',
    name: 'tenantry_pool_resent_total',
    help: 'Reads sent again because a slow statement was in front of them on a shared connection.',
  },
];

/** Metrics of pools, labelled by target for the busiest ones, and of servers. */
@Injectable()
export class PoolMetrics implements MetricsSource {
  private readonly activity: PoolActivity;
  private servers: readonly ServerSnapshot[] = [];

  constructor(
    registry: Registry,
    private readonly pools: ConnectionPools,
    @Optional() now?: () => number,
  ) {
    this.activity = new PoolActivity(now);
    this.reportConnections(registry);
    this.reportCallers(registry);
    this.reportServers(registry);
  }

  refresh(): void {
    const { pools, servers } = this.pools.snapshot();
    this.activity.update(pools);
    this.servers = servers;
  }

  private reportConnections(registry: Registry): void {
    registerMetric(registry, {
      name: 'tenantry_pool_connections',
      help: 'Connections by state: busy (checked out), idle, pending (being opened, validated or closed).',
      type: 'gauge',
      read: () =>
        this.stateSamples(({ busy, idle, pending }) =>
          Object.entries({ busy, idle, pending }).map(([state, value]) => ({ labels: { state }, value })),
        ),
    });
    registerMetric(registry, {
      name: 'tenantry_pool_closed_total',
      help: 'Connections closed, by reason.',
      type: 'counter',
      read: () =>
        this.counterSamples((counters) => closedIn(counters).map(([reason, value]) => ({ labels: { reason }, value }))),
    });
    registerMetric(registry, {
      name: 'tenantry_pool_breaker',
      help: 'Targets by circuit breaker state (closed, open, half-open): 0 or 1 per target, a count for "other".',
      type: 'gauge',
      read: () =>
        this.stateSamples(({ breakers }) =>
          Object.entries(breakers).map(([state, value]) => ({ labels: { state }, value })),
        ),
    });
  }

  private reportCallers(registry: Registry): void {
    for (const { event, name, help } of COUNTERS) {
      const read = (): Sample[] =>
        this.counterSamples((counters) => [{ labels: {}, value: eventsIn(counters, event) }]);
      registerMetric(registry, { name, help, type: 'counter', read });
    }
    registerMetric(registry, {
      name: 'tenantry_pool_waiting',
      help: 'Callers waiting for a connection.',
      type: 'gauge',
      read: () => this.stateSamples(({ waiting }) => [{ labels: {}, value: waiting }]),
    });
    registerMetric(registry, {
      name: WAIT,
      help: 'Wait time of callers that got a connection.',
      type: 'histogram',
      read: () =>
        this.counterSamples((counters) =>
          histogram(WAIT, {}, WAIT_BOUNDS_SECONDS, waitsIn(counters), waitedIn(counters) / 1000),
        ),
    });
  }

  private reportServers(registry: Registry): void {
    const gauge = (name: string, help: string, value: (server: ServerSnapshot) => number): void => {
      const read = (): Sample[] =>
        this.servers.map((server) => ({ labels: { server: server.server }, value: value(server) }));
      registerMetric(registry, { name, help, type: 'gauge', read });
    };
    gauge(
      'tenantry_server_connections_limit',
      'Maximum connections of this process to the server.',
      (server) => server.limit,
    );
    gauge(
      'tenantry_server_connections_open',
      'Connections open, being opened or being closed.',
      (server) => server.open,
    );
    gauge(
      'tenantry_server_connections_waiting',
      'Connections that pools need but the limit does not allow.',
      (server) => server.waiting,
    );
  }

  private counterSamples(samples: (counters: PoolCounters) => readonly Sample[]): Sample[] {
    return this.activity
      .counters()
      .flatMap(([target, counters]) => samples(counters).map((sample) => withTarget(target, sample)));
  }

  private stateSamples(samples: (state: PoolState) => readonly Sample[]): Sample[] {
    return this.activity
      .states()
      .flatMap(([target, state]) => samples(state).map((sample) => withTarget(target, sample)));
  }
}

function withTarget(target: string, { labels, ...sample }: Sample): Sample {
  return { ...sample, labels: { target, ...labels } };
}
