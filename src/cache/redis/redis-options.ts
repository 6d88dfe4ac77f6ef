import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { AppConfig } from '../../platform/config/app-config.js';

type RedisConfig = AppConfig['cache']['redis'];

const CONNECT_TIMEOUT_MS = 1_000;
/** How long a disconnecting ioredis keeps the process alive, even without a connection; its default is 2 s. */
const DISCONNECT_TIMEOUT_MS = 200;
/** When ioredis abandons a command; the tier stops waiting for it much earlier. */
const COMMAND_TIMEOUT_MS = 1_000;
/** A cluster's nodes are connected on first use; a command that comes too early is retried after this. */
const NODE_RETRY_MS = 20;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 500;
/** Minimum time between reconnects caused by READONLY errors, for when there is no other master. */
const READONLY_RECONNECT_MS = 10_000;

/** Fail immediately instead of queueing without bound, reconnect for ever, and leave a master that became a replica. */
export function redisOptions({ password, db, tls }: RedisConfig): RedisOptions {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: retryDelayMs,
    reconnectOnError: reconnectOnReadOnly(),
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
    slotsRefreshTimeout: COMMAND_TIMEOUT_MS,
    redisOptions: node,
  };
}

function retryDelayMs(times: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (times - 1), LAST_RETRY_MS);
}

/** After a failover, reconnecting leads to the new master, by DNS name, proxy or sentinel. */
function reconnectOnReadOnly(): (error: Error) => boolean {
  let reconnectedAt = -Infinity;
  return ({ message }) => {
    if (!message.startsWith('READONLY') || performance.now() - reconnectedAt < READONLY_RECONNECT_MS) return false;
    reconnectedAt = performance.now();
    return true;
  };
}
