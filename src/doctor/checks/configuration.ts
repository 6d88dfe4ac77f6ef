import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { AppConfig } from '../../platform/config/app-config.js';
import type { Check, Configured } from '../diagnosis/diagnosis.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';

const NAME = 'configuration';
const LOCAL = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);
const OTHERS_MAY_READ = 0o077;

/** It is valid, or nobody would get here: what else there is to say about it. */
export const configuration: Check<Configured> = {
  name: NAME,
  look: ({ loaded: { config } }) => {
    const findings = [...secretsFile(config), ...(config.environment === 'production' ? production(config) : [])];
    const sound = `valid (${config.environment}, ${config.database.embedded ? 'embedded PostgreSQL' : 'DATABASE_URL'})`;
    return findings.length > 0 ? findings : [ok(NAME, sound)];
  },
};

/** What suits a developer's machine and not the world. */
function production(config: AppConfig): Finding[] {
  const { features, log, database, cache } = config;
  const isOpen = (url: string | undefined): boolean => url !== undefined && isUnencrypted(new URL(url));
  const all: readonly (false | Finding)[] = [
    features.demoTenants &&
      fail(NAME, 'demo tenants are created', 'set ENABLE_DEMO_TENANTS=false', 'ENABLE_DEMO_TENANTS'),
    features.metricsPublic &&
      warn(NAME, '/metrics is there for everybody', 'set METRICS_PUBLIC=false', 'METRICS_PUBLIC'),
    features.apiDocs && warn(NAME, '/docs is there for everybody', 'set ENABLE_API_DOCS=false', 'ENABLE_API_DOCS'),
    (log.level === 'debug' || log.level === 'trace') &&
      warn(NAME, `LOG_LEVEL is ${log.level}`, 'set LOG_LEVEL=info', 'LOG_LEVEL'),
    database.embedded &&
      warn(NAME, 'the data is in an embedded PostgreSQL, without backups', 'set DATABASE_URL', 'EMBEDDED_POSTGRES'),
    isOpen(database.directUrl ?? database.url) &&
      !database.embedded &&
      warn(NAME, 'the way to the catalog is not encrypted', 'add ?sslmode=verify-full', 'DATABASE_URL'),
    cache.redisEnabled &&
      isRedisOpen(config) &&
      warn(NAME, 'Redis has no password', 'set REDIS_PASSWORD', 'REDIS_PASSWORD'),
  ];
  return all.filter((finding) => finding !== false);
}

function isUnencrypted(url: URL): boolean {
  const mode = url.searchParams.get('sslmode');
  return !LOCAL.has(url.hostname) && (mode === null || mode === 'disable' || mode === 'allow');
}

function isRedisOpen({ cache: { redis } }: AppConfig): boolean {
  return redis.url === undefined ? redis.password === undefined : new URL(redis.url).password === '';
}

/** What is generated is readable by its owner only, unless somebody changed that. */
function secretsFile({ dataDir }: AppConfig): Finding[] {
  const path = join(dataDir, 'secrets.json');
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if (process.platform === 'win32' || (mode & OTHERS_MAY_READ) === 0) return [];
  return [fail(NAME, `${path} can be read by others`, `chmod 600 ${path}`, 'DATA_DIR')];
}
