import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { degraded } from './degraded.js';
import { CACHE, type Cache } from '../cache/contract/cache.js';

/** Never down: without Redis, which is only a cache, an instance is slower but works. */
@Injectable()
export class RedisIndicator {
  constructor(
    @Inject(CACHE) private readonly cache: Cache,
    private readonly health: HealthIndicatorService,
  ) {}

  check(): HealthIndicatorResult {
    const session = this.health.check('redis');
    const { redisConnected, redisBreaker } = this.cache.snapshot();
    if (redisConnected === undefined) return session.up({ used: false });
    if (redisConnected && redisBreaker === 'closed') return session.up({ used: true });
    return degraded(session, { message: 'Redis is unavailable: using the memory tier only' });
  }
}
