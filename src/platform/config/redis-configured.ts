import type { VariableName } from './environment.js';
import type { ConfigSources } from './load-config.js';

const NAMING_REDIS: readonly VariableName[] = [
  'ENABLE_REDIS_CACHE',
  'REDIS_URL',
  'REDIS_HOST',
  'REDIS_PASSWORD',
  'REDIS_DB',
  'REDIS_TLS',
  'REDIS_SENTINELS',
  'REDIS_CLUSTER_NODES',
];

/** Whether a variable says that there is a Redis; a port alone does not. Otherwise one on this machine is used if it is there, and not missed if not. */
export function isRedisConfigured(sources: ConfigSources): boolean {
  return NAMING_REDIS.some((name) => sources[name] !== 'default');
}
