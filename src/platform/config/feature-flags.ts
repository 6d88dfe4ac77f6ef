import type { AppConfig } from './app-config.js';
import type { VariableName } from './environment.js';
import type { ConfigSource, ConfigSources } from './load-config.js';

/** One thing that an operator can switch, as it is now and why. */
export interface FeatureFlag {
  readonly variable: VariableName;
  readonly value: string;
  readonly source: ConfigSource;
}

/** What is on and off in this process. None of it is a secret. */
export function featureFlagsOf(config: AppConfig, sources: ConfigSources): readonly FeatureFlag[] {
  const { pool, cache, features, database, log, environment } = config;
  const values: readonly (readonly [VariableName, string | boolean])[] = [
    ['NODE_ENV', environment],
    ['EMBEDDED_POSTGRES', database.embedded],
    ['DB_POOLER', database.pooler ?? 'none'],
    ['ENABLE_CONNECTION_POOLING', pool.enabled],
    ['ENABLE_REDIS_CACHE', cache.redisEnabled],
    ['ENABLE_DEMO_TENANTS', features.demoTenants],
    ['ENABLE_API_DOCS', features.apiDocs],
    ['METRICS_PUBLIC', features.metricsPublic],
    ['LOG_LEVEL', log.level],
    ['LOG_FORMAT', log.format],
  ];
  return values.map(([variable, value]) => ({ variable, value: String(value), source: sources[variable] }));
}

/** For the log of a start. */
export function featureFlagTable(switches: readonly FeatureFlag[]): string {
  const width = Math.max(...switches.map(({ variable }) => variable.length));
  const rows = switches.map(
    ({ variable, value, source }) => `  ${variable.padEnd(width)}  ${value.padEnd(12)} ${source}`,
  );
  return ['Switches:', ...rows].join('\n');
}
