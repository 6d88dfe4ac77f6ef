import type { RedisTier } from '../../cache/redis/redis-tier.js';
import { unlessRefused } from './redis-refusals.js';
import type { Lease, LeaseRequest } from './request-limits.js';

/**
 * Leases tokens of a second and of a day. A second is counted as `SecondBucket` does: refilled only from a second after the bucket was
 * full. Redis' clock alone decides; one that was set back stops nothing. A key of another type is removed.
 *
 * KEYS: of the tenant. ARGV: per second and per day (0: no limit), wanted of both, debt of both, unused, the known day and what
 * was used on it.
 */
const LEASE = `
  local key, arg = KEYS[1], {}
  for i = 1, #ARGV do arg[i] = tonumber(ARGV[i]) end
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end

  local time, rate = redis.call('TIME'), arg[1]
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local day = math.floor(now / 86400000)
  local held = redis.call('HMGET', key, 'tokens', 'at', 'from', 'day', 'used')
  local tokens, at = tonumber(held[1]) or rate, math.min(now, tonumber(held[2]) or now)
  local from = math.min(now + 1000, tonumber(held[3]) or now)

  tokens = math.min(rate, tokens + math.max(0, now - math.max(at, from)) * rate / 1000)
  if tokens >= rate then from = now + 1000 end
  tokens = math.max(0, math.min(rate, tokens + arg[7]) - arg[5])
  local second = math.min(arg[3], math.floor(tokens))
  tokens = tokens - second
  local waitMs = math.max(0, from - now) + math.max(0, 1 - tokens) * 1000 / math.max(1, rate)

  local used = tonumber(held[4]) == day and tonumber(held[5]) or 0
  if arg[8] == day then used = math.max(used, arg[9]) end
  used = used + arg[6]
  local ofDay = math.max(0, math.min(arg[4], arg[2] - used))

  redis.call('HSET', key, 'tokens', string.format('%.3f', tokens), 'at', now, 'from', from, 'day', day, 'used', used + ofDay)
  redis.call('EXPIRE', key, 172800)
  return {second, math.ceil(waitMs), math.floor(tokens), ofDay, day, used + ofDay}`;

/** Leases tokens that all instances share. Undefined when Redis cannot be used, refuses, or does not answer in time. */
export async function leaseFromRedis(
  redis: Pick<RedisTier, 'run'>,
  prefix: string,
  request: LeaseRequest,
): Promise<Lease | undefined> {
  const { requestsPerSecond = 0, requestsPerDay = 0 } = request.limits;
  const values = [
    ...[requestsPerSecond, requestsPerDay, request.perSecond, request.perDay, request.debt, request.debtOfDay],
    ...[request.unused, request.knownDay, request.knownUsed],
  ];
  const answer = await redis.run((client) =>
    client.eval(LEASE, 1, `${prefix}limits:${request.tenantId}`, ...values).catch(unlessRefused),
  );
  if (!Array.isArray(answer)) return undefined;
  const [perSecond, waitMs, leftOfSecond, perDay, day, usedOfDay] = answer as [
    ...[number, number, number, number, number, number],
  ];
  return { perSecond, waitMs, leftOfSecond, perDay, day, usedOfDay };
}
