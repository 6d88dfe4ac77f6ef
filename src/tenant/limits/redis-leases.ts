import type { RedisTier } from '../../cache/redis/redis-tier.js';
import type { Lease, LeaseRequest } from './request-limits.js';

/**
 * Leases tokens of a sliding second, which is counted in 20 slots, and of a day. Redis' clock alone decides. A key of another
 * type, and slots of the future after its clock was set back, are removed.
 *
 * KEYS: of the tenant. ARGV: per second and per day (0: no limit), wanted of both, debt of both, unused and its slot, the known
 * day and what was used on it.
 */
const LEASE = `
  local key, arg = KEYS[1], {}
  for i = 1, #ARGV do arg[i] = tonumber(ARGV[i]) end
  local kind = redis.call('TYPE', key).ok
  if (kind ~= 'hash' and kind ~= 'none') or (kind == 'hash' and redis.call('HLEN', key) > 64) then redis.call('DEL', key) end

  local time = redis.call('TIME')
  local ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local slot, day = math.floor(ms / 50), math.floor(ms / 86400000)
  local held, counts, gone, heldDay, used = redis.call('HGETALL', key), {}, {}, -1, 0
  for i = 1, #held, 2 do
    local field, count = held[i], tonumber(held[i + 1]) or 0
    local number = tonumber(field)
    if field == 'day' then heldDay = count
    elseif field == 'used' then used = count
    elseif number and number > slot - 20 and number <= slot then counts[number] = count
    else gone[#gone + 1] = field end
  end
  if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end

  if arg[7] > 0 and counts[arg[8]] then
    counts[arg[8]] = math.max(0, counts[arg[8]] - arg[7])
    redis.call('HSET', key, arg[8], counts[arg[8]])
  end
  counts[slot] = (counts[slot] or 0) + arg[5]
  local taken, first = 0, slot
  for number, count in pairs(counts) do
    taken = taken + count
    if count > 0 and number < first then first = number end
  end
  if heldDay ~= day then used = 0 end
  if arg[9] == day then used = math.max(used, arg[10]) end
  used = used + arg[6]

  local second = math.max(0, math.min(arg[3], arg[1] - taken))
  local ofDay = math.max(0, math.min(arg[4], arg[2] - used))
  if counts[slot] + second > 0 then redis.call('HSET', key, slot, counts[slot] + second) end
  redis.call('HSET', key, 'day', day, 'used', used + ofDay)
  redis.call('EXPIRE', key, 172800)
  return {second, slot, (first + 20) * 50 - ms, math.max(0, arg[1] - taken - second), ofDay, day, used + ofDay}`;

/** Leases tokens that all instances share. Undefined when Redis cannot be used, refuses, or does not answer in time. */
export async function leaseFromRedis(
  redis: Pick<RedisTier, 'run'>,
  prefix: string,
  request: LeaseRequest,
): Promise<Lease | undefined> {
  const { requestsPerSecond = 0, requestsPerDay = 0 } = request.limits;
  const values = [
    ...[requestsPerSecond, requestsPerDay, request.perSecond, request.perDay, request.debt, request.debtOfDay],
    ...[request.unused, request.unusedSlot, request.knownDay, request.knownUsed],
  ];
  const answer = await redis.run((client) =>
    client.eval(LEASE, 1, `${prefix}limits:${request.tenantId}`, ...values).catch(refusal),
  );
  if (!Array.isArray(answer)) return undefined;
  const [perSecond, slot, waitMs, leftOfSecond, perDay, day, usedOfDay] = answer as [
    ...[number, number, number, number, number, number, number],
  ];
  return { perSecond, slot, waitMs, leftOfSecond, perDay, day, usedOfDay };
}

/** A script that Redis refuses (without rights, without memory) is no reason to take Redis for dead, as the cache would. */
function refusal(error: unknown): undefined {
  if (error instanceof Error && error.name === 'ReplyError') return undefined;
  throw error;
}
