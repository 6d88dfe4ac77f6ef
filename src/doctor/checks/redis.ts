import { setTimeout as delay } from 'node:timers/promises';
import type { RedisClient } from '../../cache/redis/redis-connection.js';
import { isRedisConfigured } from '../../platform/config/redis-configured.js';
import type { Check, ConfigContext } from '../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

const NAME = 'redis';
const CONNECT_TIMEOUT_MS = 3_000;
/** Far beyond what a busy machine adds. A Redis that is slower is not read when the catalog is quicker. */
const SLOW_MS = 20;
const POLL_MS = 20;
const ROUNDS = 3;

/** Checks that Redis is reachable and evicts old entries. Without Redis all requests are served, only more slowly. */
export const redis: Check<ConfigContext> = {
  name: NAME,
  run: async (context) => {
    const { config } = context.loaded;
    if (!config.cache.redisEnabled) return [ok(NAME, 'disabled (ENABLE_REDIS_CACHE=false)')];
    const [ioredis, { connectRedis }] = await Promise.all([
      import('ioredis'),
      import('../../cache/redis/redis-connection.js'),
    ]);
    const client = connectRedis(ioredis, config.cache.redis);
    let reason = 'no answer';
    client.on('error', (error: Error) => (reason = reasonOf(error)));
    try {
      if (!(await isReady(client))) return [unreachable(context, reason)];
      return [await checkServer(client)];
    } finally {
      client.disconnect();
    }
  },
};

function unreachable({ loaded: { sources } }: ConfigContext, reason: string): Finding {
  if (!isRedisConfigured(sources)) return ok(NAME, 'not configured: memory only');
  const remedy = 'start it, correct REDIS_HOST or REDIS_URL, or set ENABLE_REDIS_CACHE=false';
  return fail(NAME, `cannot be reached: ${reason}`, remedy);
}

async function isReady(client: RedisClient): Promise<boolean> {
  const deadline = performance.now() + CONNECT_TIMEOUT_MS;
  while (client.status !== 'ready') {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** The fastest of a few round trips, in ms: slower ones waited for this machine. */
async function measureRoundTripMs(client: RedisClient): Promise<number> {
  let fastest = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = performance.now();
    await client.ping();
    fastest = Math.min(fastest, performance.now() - before);
  }
  return Math.round(fastest * 10) / 10;
}

async function checkServer(client: RedisClient): Promise<Finding> {
  const roundTripMs = await measureRoundTripMs(client);
  const info = await client.info();
  const value = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const policy = value('maxmemory_policy');
  if (value('role') === 'slave') return fail(NAME, 'is a replica and rejects writes', 'configure the primary instead');
  if (policy === 'noeviction' && Number(value('maxmemory')) > 0) {
    return warn(NAME, 'rejects writes once its memory is full', 'set maxmemory-policy allkeys-lru');
  }
  if (roundTripMs > SLOW_MS)
    return warn(
      NAME,
      `a round trip takes ${roundTripMs} ms: read only if the catalog is slower`,
      'move it closer to this machine',
    );
  return ok(NAME, `Redis ${value('redis_version')}, ${roundTripMs} ms, eviction ${policy || 'unknown'}`);
}
