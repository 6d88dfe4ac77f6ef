import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { AppConfig } from '../../platform/config/app-config.js';

type RedisConfig = AppConfig['cache']['redis'];

const CONNECT_TIMEOUT_MS = 1_000;
/** How long ioredis keeps the process alive for a good-bye, also when there is nobody to say it to: 2 s by itself. */
const GOOD_BYE_MS = 200;
/** Where ioredis gives a command up; the tier stops waiting for it long before. */
export const HARD_DEADLINE_MS = 1_000;
/** A cluster's nodes are connected when they are first needed, and what comes too early is tried again after that. */
const NODE_RETRY_MS = 20;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;
/** Where there is no other master, a replica is not left more often than this. */
const LEAVE_AGAIN_MS = 10_000;

/** Fail at once instead of queueing without bound, try to connect for ever, and leave a master that became a replica. */
export function redisOptions({ password, db, tls }: RedisConfig): RedisOptions {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: GOOD_BYE_MS,
    commandTimeout: HARD_DEADLINE_MS,
    retryStrategy: retryDelayMs,
    reconnectOnError: leaveReplicas(),
    db,
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  };
}

export function clusterOptions(config: RedisConfig): ClusterOptions {
  const { lazyConnect, enableOfflineQueue, retryStrategy: _retry, db: _db, ...node } = redisOptions(config);
  return {
    lazyConnect: lazyConnect === true,
    enableOfflineQueue: enableOfflineQueue === true,
    clusterRetryStrategy: retryDelayMs,
    retryDelayOnFailover: NODE_RETRY_MS,
    slotsRefreshTimeout: HARD_DEADLINE_MS,
    redisOptions: node,
  };
}

function retryDelayMs(times: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (times - 1), LAST_RETRY_MS);
}

/** Connecting anew leads to the new master after a fail-over, by name, proxy or sentinel. */
function leaveReplicas(): (error: Error) => boolean {
  let leftAt = -Infinity;
  return ({ message }) => {
    if (!message.startsWith('READONLY') || performance.now() - leftAt < LEAVE_AGAIN_MS) return false;
    leftAt = performance.now();
    return true;
  };
}
