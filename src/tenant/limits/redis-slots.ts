import type { RedisTier } from '../../cache/redis/redis-tier.js';
import { unlessRefused } from './redis-refusals.js';

/** How long a slot is held without being renewed: by then, a process that does not renew is dead, or frozen. */
export const SLOT_MS = 30_000;

/**
 * Slots are members of a sorted set by the time until which they are held, by Redis' clock. A key of another type is removed.
 *
 * KEYS: of the tenant. ARGV: the limit, the slot's id, for how many ms it is held.
 */
const TAKE = `
  local key, time = KEYS[1], redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', key) end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if redis.call('ZCARD', key) >= tonumber(ARGV[1]) then return 0 end
  redis.call('ZADD', key, now + tonumber(ARGV[3]), ARGV[2])
  redis.call('PEXPIRE', key, ARGV[3])
  return 1`;

/** Those that Redis has lost are held again: their jobs run. KEYS: of the tenant. ARGV: for how many ms, the slots' ids. */
const RENEW = `
  local key, time = KEYS[1], redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', key) end
  for i = 2, #ARGV do redis.call('ZADD', key, now + tonumber(ARGV[1]), ARGV[i]) end
  redis.call('PEXPIRE', key, ARGV[1])
  return 1`;

/** Slots of tenants that all processes share. */
export class RedisSlots {
  constructor(
    private readonly redis: Pick<RedisTier, 'run'>,
    private readonly prefix: string,
  ) {}

  /** Undefined when Redis cannot be used, refuses, or does not answer in time. */
  async take(tenantId: string, limit: number, id: string): Promise<boolean | undefined> {
    const answer = await this.redis.run((client) =>
      client.eval(TAKE, 1, this.keyOf(tenantId), limit, id, SLOT_MS).catch(unlessRefused),
    );
    return answer === undefined ? undefined : answer === 1;
  }

  async renew(tenantId: string, ids: readonly string[]): Promise<void> {
    await this.redis.run((client) => client.eval(RENEW, 1, this.keyOf(tenantId), SLOT_MS, ...ids).catch(unlessRefused));
  }

  async free(tenantId: string, id: string): Promise<void> {
    await this.redis.run((client) => client.zrem(this.keyOf(tenantId), id).catch(unlessRefused));
  }

  private keyOf(tenantId: string): string {
    return `${this.prefix}jobs:${tenantId}`;
  }
}
