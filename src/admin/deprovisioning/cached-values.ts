import { Injectable } from '@nestjs/common';
import { type RedisOutcome, ValueStore } from '../../cache/values/value-store.js';
import { ValueChanges } from '../../catalog/feed/value-changes.js';

/** What the application has cached for a tenant. */
@Injectable()
export class CachedValues {
  constructor(
    private readonly values: ValueStore,
    private readonly changes: ValueChanges,
  ) {}

  /** On every instance and in Redis. What Redis does not remove because it is away expires there. */
  async forget(tenantId: string): Promise<RedisOutcome> {
    const redis = await this.values.clear(tenantId);
    await this.changes.announce({ namespace: tenantId, keys: 'all' });
    return redis;
  }
}
