import { setTimeout as delay } from 'node:timers/promises';
import type { RedisClient } from '../../cache/redis/redis-connection.js';
import type { VariableName } from '../../platform/config/environment.js';
import type { Check, Configured } from '../diagnosis/diagnosis.js';
import { fail, type Finding, ok, reasonOf, warn } from '../diagnosis/finding.js';

const NAME = 'redis';
const CONNECT_MS = 3_000;
const SLOW_MS = 50;
const LOOK_MS = 20;
const ROUNDS = 3;
const WHERE: readonly VariableName[] = ['REDIS_URL', 'REDIS_HOST', 'REDIS_SENTINELS', 'REDIS_CLUSTER_NODES'];

/** The second tier of the cache answers, and makes room by itself. Everything is served without it, only slower. */
export const redis: Check<Configured> = {
  name: NAME,
  look: async (configured) => {
    const { config } = configured.loaded;
    if (!config.cache.redisEnabled) return [ok(NAME, 'switched off (ENABLE_REDIS_CACHE=false)')];
    const [ioredis, { connectRedis }] = await Promise.all([
      import('ioredis'),
      import('../../cache/redis/redis-connection.js'),
    ]);
    const client = connectRedis(ioredis, config.cache.redis);
    let reason = 'no answer';
    client.on('error', (error: Error) => (reason = reasonOf(error)));
    try {
      if (!(await isReady(client))) return [away(configured, reason)];
      return [await judge(client)];
    } finally {
      client.disconnect();
    }
  },
};

/** Where nobody said where Redis is, nobody misses it. */
function away({ loaded: { config, sources } }: Configured, reason: string): Finding {
  const message = `cannot be reached: ${reason}`;
  const remedy = 'start it, correct REDIS_HOST or REDIS_URL, or set ENABLE_REDIS_CACHE=false';
  const isMeant = config.environment === 'production' || WHERE.some((name) => sources[name] !== 'default');
  return isMeant ? fail(NAME, message, remedy) : warn(NAME, `${message}; none was configured`, remedy);
}

async function isReady(client: RedisClient): Promise<boolean> {
  const deadline = performance.now() + CONNECT_MS;
  while (client.status !== 'ready') {
    if (performance.now() > deadline) return false;
    await delay(LOOK_MS);
  }
  return true;
}

/** The quickest of a few, in ms: what took longer waited for this machine. */
async function roundTrip(client: RedisClient): Promise<number> {
  let quickest = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = performance.now();
    await client.ping();
    quickest = Math.min(quickest, performance.now() - before);
  }
  return Math.round(quickest * 10) / 10;
}

async function judge(client: RedisClient): Promise<Finding> {
  const roundTripMs = await roundTrip(client);
  const info = await client.info();
  const value = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const policy = value('maxmemory_policy');
  if (value('role') === 'slave') return fail(NAME, 'is a replica: it takes no writes', 'name the master instead');
  if (policy === 'noeviction' && Number(value('maxmemory')) > 0) {
    return warn(NAME, 'refuses writes once its memory is full', 'set maxmemory-policy allkeys-lru');
  }
  if (roundTripMs > SLOW_MS) return warn(NAME, `a round trip takes ${roundTripMs} ms`, 'move it nearer');
  return ok(NAME, `Redis ${value('redis_version')}, ${roundTripMs} ms, eviction ${policy || 'unknown'}`);
}
