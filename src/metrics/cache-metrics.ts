import { Inject, Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { CACHE, type Cache } from '../cache/contract/cache.js';
import type { CacheSnapshot } from '../cache/contract/cache-statistics.js';
import type { MetricsSource } from './series/metrics-source.js';
import { registerMetric, type Sample } from './series/reported-metric.js';

const BREAKER_STATES: readonly CacheSnapshot['redisBreaker'][] = ['closed', 'open', 'half-open', 'off'];

interface CacheCounter {
  readonly name: string;
  readonly help: string;
  readonly value: (snapshot: CacheSnapshot) => number;
}

const COUNTERS: readonly CacheCounter[] = [
  { name: 'misses_total', help: 'Lookups that no tier could answer.', value: (cache) => cache.misses },
  {
    name: 'stale_total',
    help: 'Expired entries served because the catalog was unreachable.',
    value: (cache) => cache.stale,
  },
  { name: 'loads_total', help: 'Loads from the catalog.', value: (cache) => cache.loads },
  { name: 'load_failures_total', help: 'Loads from the catalog that failed.', value: (cache) => cache.loadFailures },
  {
    name: 'load_seconds_total',
    help: 'Total duration of loads from the catalog.',
    value: (cache) => cache.loadMs / 1000,
  },
  {
    name: 'redis_failures_total',
    help: 'Redis commands that failed or timed out.',
    value: (cache) => cache.redisFailures,
  },
  {
    name: 'redis_rejected_total',
    help: 'Redis entries removed because they could not be decrypted, parsed or validated.',
    value: (cache) => cache.redisRejected,
  },
  {
    name: 'redis_outdated_total',
    help: 'Redis entries ignored because a newer version was known.',
    value: (cache) => cache.redisOutdated,
  },
];

/** Metrics of the cache. */
@Injectable()
export class CacheMetrics implements MetricsSource {
  private snapshot: CacheSnapshot;

  constructor(
    registry: Registry,
    @Inject(CACHE) private readonly cache: Cache,
  ) {
    this.snapshot = cache.snapshot();
    for (const { name, help, value } of COUNTERS) {
      const read = (): Sample[] => [{ labels: {}, value: value(this.snapshot) }];
      registerMetric(registry, { name: `tenantry_cache_${name}`, help, type: 'counter', read });
    }
    this.reportHits(registry);
    this.reportState(registry);
  }

  refresh(): void {
    this.snapshot = this.cache.snapshot();
  }

  private reportHits(registry: Registry): void {
    registerMetric(registry, {
      name: 'tenantry_cache_hits_total',
      help: 'Cache hits by tier.',
      type: 'counter',
      read: () => [
        { labels: { tier: 'memory' }, value: this.snapshot.memoryHits },
        { labels: { tier: 'redis' }, value: this.snapshot.redisHits },
      ],
    });
  }

  private reportState(registry: Registry): void {
    registerMetric(registry, {
      name: 'tenantry_cache_entries',
      help: 'Entries in the memory tier.',
      type: 'gauge',
      read: () => [{ labels: {}, value: this.snapshot.entries }],
    });
    registerMetric(registry, {
      name: 'tenantry_cache_redis_connected',
      help: '1 when connected to Redis, else 0; absent when Redis is disabled.',
      type: 'gauge',
      read: () => {
        const { redisConnected } = this.snapshot;
        return redisConnected === undefined ? [] : [{ labels: {}, value: Number(redisConnected) }];
      },
    });
    registerMetric(registry, {
      name: 'tenantry_cache_redis_breaker',
      help: 'State of the circuit breaker for Redis: 1 for the current state; "off" when Redis is disabled.',
      type: 'gauge',
      read: () =>
        BREAKER_STATES.map((state) => ({ labels: { state }, value: Number(state === this.snapshot.redisBreaker) })),
    });
  }
}
