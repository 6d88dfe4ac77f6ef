import { Logger } from '@nestjs/common';
import type { Cluster, Redis } from 'ioredis';
import { withDeadline } from '../../platform/timeout.js';
import type { AppConfig } from '../../platform/config/app-config.js';
import { clusterOptions, redisOptions } from './redis-options.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

type RedisConfig = AppConfig['cache']['redis'];

/** As long as a start waits for a Redis that nothing names. */
const PROBE_TIMEOUT_MS = 1_000;

export type RedisClient = Redis | Cluster;

/** The part of the package that is used; it is loaded only when Redis is enabled. */
type Ioredis = Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>;

/**
 * Creates a client that connects in the background and logs each change of its availability once. The start never waits
 * for it.
 */
export function connectRedis(ioredis: Ioredis, config: RedisConfig): RedisClient {
  const client = createClient(ioredis, config);
  const logger = new Logger('Cache');
  let isUnavailable = false;
  const unavailable = (reason: string): void => {
    if (!isUnavailable) logger.warn(`Redis unavailable (${reason}): using memory only`);
    isUnavailable = true;
  };
  client.on('ready', () => {
    isUnavailable = false;
    logger.log(`Redis connected: ${describe(config)}`);
  });
  client.on('error', (error: Error) => unavailable(error.message || error.name));
  client.on('close', () => client.status !== 'end' && unavailable('connection closed')); // 'end': closed by us
  client.connect().catch((error: unknown) => unavailable(reasonOf(error)));
  return client;
}

/** Whether a Redis answers there now. Logs nothing. */
export async function isRedisReady(ioredis: Ioredis, config: RedisConfig): Promise<boolean> {
  const client = createClient(ioredis, config);
  client.on('error', () => undefined); // `connect` rejects with it
  try {
    await withDeadline(client.connect(), PROBE_TIMEOUT_MS);
    return client.status === 'ready';
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

function createClient({ Redis, Cluster }: Ioredis, config: RedisConfig): RedisClient {
  const { url, host, port, sentinels, sentinelMaster, clusterNodes } = config;
  if (clusterNodes.length > 0) return new Cluster([...clusterNodes], clusterOptions(config));
  const options = redisOptions(config);
  if (sentinels.length > 0) {
    return new Redis({ ...options, sentinels: [...sentinels], name: sentinelMaster, sentinelRetryStrategy: () => 500 });
  }
  if (url === undefined) return new Redis({ ...options, host, port });
  const { db: _db, password: _password, ...others } = options; // the URL has both
  return new Redis(url, others);
}

/** For the log; without credentials. */
function describe({ url, host, port, db, sentinels, sentinelMaster, clusterNodes }: RedisConfig): string {
  const names = (nodes: readonly { host: string; port: number }[]): string =>
    nodes.map((node) => `${node.host}:${node.port}`).join(', ');
  if (clusterNodes.length > 0) return `cluster of ${names(clusterNodes)}`;
  if (sentinels.length > 0) return `master ${sentinelMaster} of sentinels ${names(sentinels)}, database ${db}`;
  if (url === undefined) return `${host}:${port}, database ${db}`;
  const parsed = new URL(url);
  return `${parsed.host}, database ${parsed.pathname.slice(1) || '0'}`;
}
