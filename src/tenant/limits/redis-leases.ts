import type { RedisTier } from '../../cache/redis/redis-tier.js';
import type { Lease, LeaseRequest } from './token-leases.js';

/** KEYS: tenant. ARGV: per second, per day, wanted of the second, wanted of the day, debt. Redis' clock alone decides. */
const LEASE = `
  local time = redis.call('TIME')
  local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  local day = math.floor(now / 86400)
  local held = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'day', 'used')
  local rate, perDay, debt = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[5])
  local most = math.max(1, rate * 0.15)
  local passed = math.max(0, now - (tonumber(held[2]) or now))
  local tokens = math.min(most, (tonumber(held[1]) or most) + passed * rate) - debt
  local used = (tonumber(held[3]) == day and tonumber(held[4]) or 0) + debt
  local second = math.max(0, math.min(tonumber(ARGV[3]), math.floor(tokens)))
  local ofDay = math.max(0, math.min(tonumber(ARGV[4]), perDay - used))
  redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - second), 'at', string.format('%.6f', now),
    'day', day, 'used', used + ofDay)
  redis.call('EXPIRE', KEYS[1], 172800)
  return {second, ofDay}`;

/** Leases tokens that all instances share. Undefined when Redis cannot be used or does not answer in time. */
export async function leaseFromRedis(
  redis: Pick<RedisTier, 'run'>,
  prefix: string,
  { tenantId, limits, perSecond, perDay, debt }: LeaseRequest,
): Promise<Lease | undefined> {
  const rates = [limits.requestsPerSecond ?? 0, limits.requestsPerDay ?? 0];
  const given = await redis.run((client) =>
    client.eval(LEASE, 1, `${prefix}requests:${tenantId}`, ...rates, perSecond, perDay, debt),
  );
  if (given === undefined) return undefined;
  const [second, day] = given as [number, number];
  return { perSecond: second, perDay: day };
}
