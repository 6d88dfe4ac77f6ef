import type { AppConfig } from './app-config.js';
import type { VariableName } from './environment.js';
import type { ConfigSource, ConfigSources } from './load-config.js';

/** A setting that turns behaviour on or off: its current value and where it came from. */
export interface FeatureFlag {
  readonly variable: VariableName;
  readonly value: string;
  readonly source: ConfigSource;
}

/** The feature flags of this process. None of them is a secret. */
export function featureFlagsOf(config: AppConfig, sources: ConfigSources): readonly FeatureFlag[] {
  const { pool, cache, features, database, log, environment, workers } = config;
  const values: readonly (readonly [VariableName, string | boolean])[] = [
    ['NODE_ENV', environment],
    ['WORKERS', String(workers)],
    ['EMBEDDED_POSTGRES', database.embedded],
    ['DB_POOLER', database.pooler ?? 'none'],
    ['ENABLE_CONNECTION_POOLING', pool.enabled],
    ['ENABLE_REDIS_CACHE', cache.redisEnabled],
    ['ENABLE_DEMO_TENANTS', features.demoTenants],
    ['ENABLE_API_DOCS', features.apiDocs],
    ['ENABLE_CONSOLE', features.console],
    ['ENABLE_TENANT_CRON', features.tenantCron],
    ['ENABLE_USAGE', features.usage],
    ['METRICS_PUBLIC', features.metricsPublic],
    ['LOG_LEVEL', log.level],
    ['LOG_FORMAT', log.format],
  ];
  return values.map(([variable, value]) => ({ variable, value: String(value), source: sources[variable] }));
}

/** Formats the flags for the startup log. */
export function featureFlagTable(flags: readonly FeatureFlag[]): string {
  const width = Math.max(...flags.map(({ variable }) => variable.length));
  const rows = flags.map(({ variable, value, source }) => `  ${variable.padEnd(width)}  ${value.padEnd(12)} ${source}`);
  return ['Feature flags:', ...rows].join('\n');
}
