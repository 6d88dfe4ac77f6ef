import { Inject, Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { CACHE, type Cache } from '../cache/contract/cache.js';
import type { CacheSnapshot } from '../cache/contract/cache-statistics.js';
import type { MetricsSource } from './series/metrics-source.js';
import { report, type Sample } from './series/reported-metric.js';

const BREAKER_STATES: readonly CacheSnapshot['redisBreaker'][] = ['closed', 'open', 'half-open', 'off'];

interface CacheCounter {
  readonly name: string;
  readonly help: string;
  readonly value: (snapshot: CacheSnapshot) => number;
}

const COUNTERS: readonly CacheCounter[] = [
  { name: 'misses_total', help: 'Answers that no tier had.', value: (cache) => cache.misses },
  {
    name: 'stale_total',
    help: 'Answers served after their time because the catalog could not be asked.',
    value: (cache) => cache.stale,
  },
  { name: 'loads_total', help: 'Times that the catalog was asked.', value: (cache) => cache.loads },
  { name: 'load_failures_total', help: 'Times that it could not be.', value: (cache) => cache.loadFailures },
  { name: 'load_seconds_total', help: 'Time that asking it took.', value: (cache) => cache.loadMs / 1000 },
  {
    name: 'redis_failures_total',
    help: 'Times that Redis did not answer, or said that it cannot.',
    value: (cache) => cache.redisFailures,
  },
  {
    name: 'redis_rejected_total',
    help: 'Values in Redis that did not open, parse or fit, and were removed.',
    value: (cache) => cache.redisRejected,
  },
  {
    name: 'redis_outdated_total',
    help: 'Values in Redis that were older than what had been heard.',
    value: (cache) => cache.redisOutdated,
  },
];

/** What the cache did and holds. */
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
      report(registry, { name: `tenantry_cache_${name}`, help, type: 'counter', read });
    }
    this.reportHits(registry);
    this.reportState(registry);
  }

  refresh(): void {
    this.snapshot = this.cache.snapshot();
  }

  private reportHits(registry: Registry): void {
    report(registry, {
      name: 'tenantry_cache_hits_total',
      help: 'Answers by the tier that had them.',
      type: 'counter',
      read: () => [
        { labels: { tier: 'memory' }, value: this.snapshot.memoryHits },
        { labels: { tier: 'redis' }, value: this.snapshot.redisHits },
      ],
    });
  }

  private reportState(registry: Registry): void {
    report(registry, {
      name: 'tenantry_cache_entries',
      help: 'Entries in the memory tier.',
      type: 'gauge',
      read: () => [{ labels: {}, value: this.snapshot.entries }],
    });
    report(registry, {
      name: 'tenantry_cache_redis_connected',
      help: 'Whether there is a connection to Redis; absent when Redis is not used.',
      type: 'gauge',
      read: () => {
        const { redisConnected } = this.snapshot;
        return redisConnected === undefined ? [] : [{ labels: {}, value: Number(redisConnected) }];
      },
    });
    report(registry, {
      name: 'tenantry_cache_redis_breaker',
      help: 'State of the circuit breaker before Redis: 1 for the one it is in. "off" when Redis is not used.',
      type: 'gauge',
      read: () =>
        BREAKER_STATES.map((state) => ({ labels: { state }, value: Number(state === this.snapshot.redisBreaker) })),
    });
  }
}
