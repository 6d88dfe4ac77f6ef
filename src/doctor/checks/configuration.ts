import { SECRETS_FILE } from '../../platform/data-dir/generated-secrets.js';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseDatabaseUrl } from '../../platform/postgres/database-url.js';
import type { AppConfig } from '../../platform/config/app-config.js';
import type { Check, ConfigContext } from '../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';

const NAME = 'configuration';
const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '::1']);
const GROUP_OR_OTHERS = 0o077;

/** The configuration has been validated already; reports settings that are valid but unsafe. */
export const configuration: Check<ConfigContext> = {
  name: NAME,
  run: ({ loaded: { config } }) => {
    const findings = [
      ...checkSecretsFile(config),
      ...(config.environment === 'production' ? checkProduction(config) : []),
    ];
    const summary = `valid (${config.environment}, ${config.database.embedded ? 'embedded PostgreSQL' : 'DATABASE_URL'})`;
    return findings.length > 0 ? findings : [ok(NAME, summary)];
  },
};

/** Settings that are fine in development and unsafe in production. */
function checkProduction(config: AppConfig): Finding[] {
  const { features, log, database, cache } = config;
  const isUnsafe = (url: string | undefined): boolean => url !== undefined && isUnencrypted(url);
  const all: readonly (false | Finding)[] = [
    features.demoTenants &&
      fail(NAME, 'demo tenants are created', 'set ENABLE_DEMO_TENANTS=false', 'ENABLE_DEMO_TENANTS'),
    features.metricsPublic && warn(NAME, '/metrics is public', 'set METRICS_PUBLIC=false', 'METRICS_PUBLIC'),
    features.apiDocs && warn(NAME, '/docs is public', 'set ENABLE_API_DOCS=false', 'ENABLE_API_DOCS'),
    (log.level === 'debug' || log.level === 'trace') &&
      warn(NAME, `LOG_LEVEL is ${log.level}`, 'set LOG_LEVEL=info', 'LOG_LEVEL'),
    database.embedded &&
      warn(NAME, 'data is stored in the embedded PostgreSQL, without backups', 'set DATABASE_URL', 'EMBEDDED_POSTGRES'),
    isUnsafe(database.directUrl ?? database.url) &&
      !database.embedded &&
      warn(NAME, 'the connection to the catalog is not encrypted', 'add ?sslmode=verify-full', 'DATABASE_URL'),
    isUnverified(database.directUrl ?? database.url) &&
      warn(
        NAME,
        'the certificate of the catalog is not verified',
        'use ?sslmode=verify-full instead of require',
        'DATABASE_URL',
      ),
    cache.redisEnabled &&
      isRedisWithoutPassword(config) &&
      warn(NAME, 'Redis has no password', 'set REDIS_PASSWORD', 'REDIS_PASSWORD'),
  ];
  return all.filter((finding) => finding !== false);
}

function isUnencrypted(url: string): boolean {
  const { addresses, parameters } = parseDatabaseUrl(url);
  const mode = parameters.get('sslmode');
  return (
    addresses.some(({ host }) => !LOOPBACK_HOSTS.has(host)) && (mode === null || mode === 'disable' || mode === 'allow')
  );
}

/** libpq's modes that encrypt without verifying who answers. */
function isUnverified(url: string | undefined): boolean {
  const mode = url === undefined ? null : parseDatabaseUrl(url).parameters.get('sslmode');
  return mode === 'require' || mode === 'prefer';
}

function isRedisWithoutPassword({ cache: { redis } }: AppConfig): boolean {
  return redis.url === undefined ? redis.password === undefined : new URL(redis.url).password === '';
}

/** secrets.json is created with mode 600; reports it when its permissions were widened later. */
function checkSecretsFile({ dataDir }: AppConfig): Finding[] {
  const path = join(dataDir, SECRETS_FILE);
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if (process.platform === 'win32' || (mode & GROUP_OR_OTHERS) === 0) return [];
  return [fail(NAME, `${path} can be read by others`, `chmod 600 ${path}`, 'DATA_DIR')];
}
