import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import type { ServerSnapshot } from '../../database/pool/pool-snapshot.js';
import { WAIT_BUCKETS_MS } from '../../database/pool/wait-histogram.js';
import type { MetricsSource } from '../series/metrics-source.js';
import { PoolActivity, type PoolState } from './pool-activity.js';
import { closedIn, eventsIn, type PoolEvent, type PoolCounters, waitedIn, waitsIn } from './pool-counters.js';
import { histogram, report, type Sample } from '../series/reported-metric.js';

const WAIT_BOUNDS_SECONDS = WAIT_BUCKETS_MS.map((ms) => ms / 1000);
const WAIT = 'tenantry_pool_wait_seconds';

const COUNTERS: readonly { readonly event: PoolEvent; readonly name: string; readonly help: string }[] = [
  { event: 'opened', name: 'tenantry_pool_opened_total', help: 'Connections opened.' },
  { event: 'openFailures', name: 'tenantry_pool_open_failures_total', help: 'Connections that could not be opened.' },
  { event: 'timeouts', name: 'tenantry_pool_timeouts_total', help: 'Callers who waited too long (POOL_TIMEOUT).' },
  {
    event: 'refused',
    name: 'tenantry_pool_refused_total',
    help: 'Callers refused as their tenant had too much under way (TENANT_BUSY).',
  },
  {
    event: 'fallbacks',
    name: 'tenantry_pool_fallbacks_total',
    help: 'Callers served by a direct connection because the pool failed.',
  },
];

/** Pools by target, the busiest by name, and servers. */
@Injectable()
export class PoolMetrics implements MetricsSource {
  private readonly activity = new PoolActivity();
  private servers: readonly ServerSnapshot[] = [];

  constructor(
    registry: Registry,
    private readonly pools: ConnectionPools,
  ) {
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
    report(registry, {
      name: 'tenantry_pool_connections',
      help: 'Connections by state: busy (lent), idle, pending (being opened, looked at or closed).',
      type: 'gauge',
      read: () =>
        this.ofStates(({ busy, idle, pending }) =>
          Object.entries({ busy, idle, pending }).map(([state, value]) => ({ labels: { state }, value })),
        ),
    });
    report(registry, {
      name: 'tenantry_pool_closed_total',
      help: 'Connections closed, by reason.',
      type: 'counter',
      read: () => this.ofCounts((tally) => closedIn(tally).map(([reason, value]) => ({ labels: { reason }, value }))),
    });
    report(registry, {
      name: 'tenantry_pool_breaker',
      help: 'Targets by the state of their circuit breaker (closed, open, half-open): 0 or 1, more under "other".',
      type: 'gauge',
      read: () =>
        this.ofStates(({ breakers }) =>
          Object.entries(breakers).map(([state, value]) => ({ labels: { state }, value })),
        ),
    });
  }

  private reportCallers(registry: Registry): void {
    for (const { event, name, help } of COUNTERS) {
      const read = (): Sample[] => this.ofCounts((tally) => [{ labels: {}, value: eventsIn(tally, event) }]);
      report(registry, { name, help, type: 'counter', read });
    }
    report(registry, {
      name: 'tenantry_pool_waiting',
      help: 'Callers who wait for a connection now.',
      type: 'gauge',
      read: () => this.ofStates(({ waiting }) => [{ labels: {}, value: waiting }]),
    });
    report(registry, {
      name: WAIT,
      help: 'How long callers who got a connection waited for it.',
      type: 'histogram',
      read: () =>
        this.ofCounts((tally) => histogram(WAIT, {}, WAIT_BOUNDS_SECONDS, waitsIn(tally), waitedIn(tally) / 1000)),
    });
  }

  private reportServers(registry: Registry): void {
    const gauge = (name: string, help: string, value: (server: ServerSnapshot) => number): void => {
      const read = (): Sample[] =>
        this.servers.map((server) => ({ labels: { server: server.server }, value: value(server) }));
      report(registry, { name, help, type: 'gauge', read });
    };
    gauge(
      'tenantry_server_connections_limit',
      'Connections this process may have to the server.',
      (server) => server.limit,
    );
    gauge(
      'tenantry_server_connections_open',
      'Connections open, being opened or being closed.',
      (server) => server.open,
    );
    gauge(
      'tenantry_server_connections_waiting',
      'Connections that pools would open if the limit allowed.',
      (server) => server.waiting,
    );
  }

  private ofCounts(samples: (tally: PoolCounters) => readonly Sample[]): Sample[] {
    return this.activity
      .counts()
      .flatMap(([target, tally]) => samples(tally).map((sample) => withTarget(target, sample)));
  }

  private ofStates(samples: (state: PoolState) => readonly Sample[]): Sample[] {
    return this.activity.now().flatMap(([target, state]) => samples(state).map((sample) => withTarget(target, sample)));
  }
}

function withTarget(target: string, { labels, ...sample }: Sample): Sample {
  return { ...sample, labels: { target, ...labels } };
}
