import { describe, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { VARIABLE_NAMES } from '../../../../src/platform/config/environment.js';
import {
  configOf,
  KEY_BASE64,
  OTHER_KEY_BASE64,
  problemsOf,
  REQUIRED,
  temporaryFolders,
  type Variables,
  variablesOf,
} from '../../../support/config-fixture.js';

interface VariableCase {
  readonly read: (config: AppConfig) => unknown;
  /** Text to value. */
  readonly accepted: readonly (readonly [text: string, value: unknown])[];
  readonly rejected: readonly string[];
  /** Other variables that the variable needs to be accepted. */
  readonly with?: Variables;
}

const SIGN_IN: Variables = {
  PUBLIC_URL: 'https://admin.example.com',
  OIDC_ISSUER: 'https://login.example.com',
  OIDC_CLIENT_ID: 'tenantry',
  OIDC_ROLES: 'ops=operator',
};

const WITH_DATABASE: Variables = { DATABASE_URL: 'postgres://db.test/catalog' };

const numbers = (read: VariableCase['read'], min: number, max?: number): VariableCase => ({
  read,
  accepted: [min, 17, ...(max === undefined ? [100_000] : [max])].map((value) => [String(value), value] as const),
  rejected: [
    String(min - 1),
    max === undefined ? '2147483648' : String(max + 1),
    ...['abc', '1.5', '1e3', '0x10', ' 5', '5 ', '+5', '5s', '-1', 'NaN', 'Infinity', '99999999999'],
  ],
});

const timeouts = (read: VariableCase['read']): VariableCase => ({
  read,
  accepted: [
    ['1', 1000],
    ['2.5', 2500],
    ['0.001', 1],
    ['0.25', 250],
    ['86400', 86_400_000],
  ],
  rejected: ['0', '0.0', '0.0001', '-1', '86401', '5s', '1e1', '.5', '5.', ' 5', 'Infinity', 'abc'],
});

const flags = (read: VariableCase['read'], others?: Variables): VariableCase => ({
  read,
  accepted: [
    ...['true', '1', 'yes', 'on', 'TRUE', 'Yes'].map((text) => [text, true] as const),
    ...['false', '0', 'no', 'off', 'False', 'OFF'].map((text) => [text, false] as const),
  ],
  rejected: ['y', 'n', 't', 'enabled', 'disabled', '2', 'null', ' true', 'tru'],
  ...(others && { with: others }),
});

const words = (
  read: VariableCase['read'],
  accepted: string[],
  rejected: string[],
  others?: Variables,
): VariableCase => ({
  read,
  accepted: accepted.map((text) => [text, text] as const),
  rejected,
  ...(others && { with: others }),
});

const POSTGRES_URLS = [
  'postgres://db.test/catalog',
  'postgresql://user:p%40ss@db.test:5433/catalog?sslmode=require',
  'postgres://[::1]:5432/catalog',
  'postgres://user@a.test:5432,b.test,[::1]:5433/catalog?target_session_attrs=read-write',
  'postgres://db.test/catalog?target_session_attrs=primary',
];
const NO_POSTGRES_URLS = [
  'db.test/catalog',
  'mysql://db.test/catalog',
  'postgres://db.test',
  'postgres://db.test/',
  'postgres:///catalog',
  'postgres://db.test:99999/catalog',
  'postgres://user:100%@db.test/catalog',
  'postgres://db.test/catalog%',
  ' postgres://db.test/catalog',
  'postgres://user:a b@db.test/catalog',
  'postgres://a.test,/catalog',
  'postgres://a.test,b.test:99999/catalog',
  'postgres://a.test,b.test/catalog?target_session_attrs=any',
  'postgres://a.test,b.test/catalog?target_session_attrs=prefer-standby',
];
const HOSTS = ['0.0.0.0', '::1', 'localhost', 'my-redis.internal', 'fe80::1%eth0'];
const NO_HOSTS = ['http://localhost', 'a host', 'localhost/1', 'h'.repeat(254)];

const cases: Record<(typeof VARIABLE_NAMES)[number], VariableCase> = {
  NODE_ENV: words(
    (config) => config.environment,
    ['development', 'test', 'production'],
    ['prod', 'Production', 'staging'],
    WITH_DATABASE,
  ),
  PORT: numbers((config) => config.http.port, 0, 65_535),
  HOST: words((config) => config.http.host, HOSTS, NO_HOSTS),
  REQUEST_TIMEOUT: timeouts((config) => config.http.requestTimeoutMs),
  TRUSTED_PROXIES: {
    read: (config) => config.http.trustedProxies,
    accepted: [
      ['10.0.0.1', ['10.0.0.1']],
      ['10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    ],
    rejected: ['proxy', '10.0.0.0/33', '10.0.0/8', '::1/129', '10.0.0.1/', '10.0.0.1/8/8', '10.0.0.1,', 'true'],
  },
  STARTUP_WAIT: numbers((config) => config.startupWaitMs / 1000, 0, 1_209_600),
  WORKERS: { ...numbers((config) => config.workers, 1, 128), with: { DB_SERVER_MAX_CONNECTIONS: '1000' } },
  INSTANCE_NAME: words(
    (config) => config.instanceName,
    ['eu-1', 'orders-7d9f.pod_3', 'a'.repeat(63)],
    ['a b', 'a'.repeat(64), 'ä', "'"],
  ),
  SHUTDOWN_TIMEOUT: timeouts((config) => config.shutdownTimeoutMs),
  TENANT_FEATURES: {
    read: (config) => config.tenantFeatures,
    accepted: [
      ['reports=true', { reports: true }],
      ['reports=true, betaSearch=false', { reports: true, betaSearch: false }],
    ],
    rejected: ['reports', 'reports=', 'reports=on', 'reports=true,', '__proto__=true', 'reports=true,reports=false'],
  },
  SPARE_TENANTS: {
    read: (config) => config.spareTenants,
    accepted: [
      ['schema:5', [{ isolation: 'schema', server: 'default', count: 5 }]],
      [
        'schema:5, database@eu-2:0',
        [
          { isolation: 'schema', server: 'default', count: 5 },
          { isolation: 'database', server: 'eu-2', count: 0 },
        ],
      ],
    ],
    rejected: ['5', 'schema', 'row:5', 'schema:-1', 'schema:1001', 'schema@EU:5', 'schema:5,', 'schema:5,schema:2'],
  },
  LOG_LEVEL: words(
    (config) => config.log.level,
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    ['verbose', 'INFO', '30'],
  ),
  LOG_FORMAT: words((config) => config.log.format, ['pretty', 'json'], ['text', 'JSON']),
  DATABASE_URL: words((config) => config.database.url, POSTGRES_URLS, NO_POSTGRES_URLS),
  EMBEDDED_POSTGRES: {
    read: (config) => config.database.embedded,
    accepted: [
      ['true', true],
      ['ON', true],
    ],
    rejected: ['y', 'maybe'],
  },
  DATA_DIR: {
    read: (config) => config.dataDir,
    accepted: [['/var/lib/tenantry', '/var/lib/tenantry']],
    rejected: ['a\0b'],
  },
  DB_POOLER: words((config) => config.database.pooler, ['transaction'], ['session', 'true', 'Transaction'], {
    ...WITH_DATABASE,
    DATABASE_DIRECT_URL: 'postgres://db.test:5433/catalog',
  }),
  DATABASE_DIRECT_URL: words((config) => config.database.directUrl, POSTGRES_URLS, NO_POSTGRES_URLS, {
    ...WITH_DATABASE,
    DB_POOLER: 'transaction',
  }),
  TENANT_DATABASE_URL: words(
    (config) => config.database.tenantUrl,
    ['postgres://app:p%40ss@db.test:5432/tenants', 'postgresql://app@db.test/tenants?sslmode=require'],
    NO_POSTGRES_URLS,
    { DATABASE_URL: 'postgres://owner@db.test/catalog' },
  ),
  CATALOG_SCHEMA: words(
    (config) => config.database.catalogSchema,
    ['tenantry', 'public', '_control_2', 'x'.repeat(63)],
    [
      'Tenantry',
      '2nd',
      'a-b',
      'a b',
      'a"; DROP SCHEMA public; --',
      'x,public',
      'x'.repeat(64),
      'pg_catalog',
      'information_schema',
      'shared',
      'tenant',
      't_acme_0a1b2c3d',
      'tenantry_isolation',
    ],
  ),
  CENTRAL_SCHEMA: words(
    (config) => config.database.centralSchema,
    ['tenantry', 'public', '_control_2', 'x'.repeat(63)],
    [
      'Tenantry',
      '2nd',
      'a-b',
      'a b',
      'a"; DROP SCHEMA public; --',
      'x,public',
      'x'.repeat(64),
      'pg_catalog',
      'information_schema',
      'shared',
      'tenant',
      't_acme_0a1b2c3d',
      'tenantry_isolation',
    ],
  ),
  ENABLE_CONNECTION_POOLING: flags((config) => config.pool.enabled),
  DB_POOL_SIZE: numbers((config) => config.pool.size, 1),
  DB_MAX_OVERFLOW: numbers((config) => config.pool.maxOverflow, 0),
  DB_POOL_RECYCLE: numbers((config) => config.pool.recycleSeconds, 0, 1_209_600),
  DB_POOL_TIMEOUT: timeouts((config) => config.pool.timeoutMs),
  DB_CONNECT_TIMEOUT: timeouts((config) => config.pool.connectTimeoutMs),
  DB_STATEMENT_TIMEOUT: timeouts((config) => config.pool.statementTimeoutMs),
  DB_MAX_RESULT_BYTES: numbers((config) => config.pool.maxResultBytes, 0),
  DB_LEASE_WARNING: timeouts((config) => config.pool.leaseWarningMs),
  DB_LEASE_TIMEOUT: numbers((config) => config.pool.leaseTimeoutMs / 1000, 0, 1_209_600),
  DB_LEASE_IDLE_TIMEOUT: numbers((config) => config.pool.leaseIdleTimeoutMs / 1000, 0, 1_209_600),
  DB_SERVER_MAX_CONNECTIONS: numbers((config) => config.pool.serverMaxConnections, 1),
  TENANT_MAX_CONCURRENT: numbers((config) => config.pool.tenantMaxConcurrent, 1),
  TENANT_MAX_QUEUED: numbers((config) => config.pool.tenantMaxQueued, 0),
  ENABLE_REDIS_CACHE: flags((config) => config.cache.redisEnabled),
  REDIS_URL: words(
    (config) => config.cache.redis.url,
    ['redis://cache.test', 'rediss://user:secret@cache.test:6380/2'],
    [
      'cache.test:6379',
      'http://cache.test',
      'redis://',
      'redis://cache.test/zero',
      'redis://cache.test:70000',
      'redis://:100%@cache.test',
    ],
  ),
  REDIS_HOST: words((config) => config.cache.redis.host, HOSTS, NO_HOSTS),
  REDIS_PORT: numbers((config) => config.cache.redis.port, 1, 65_535),
  // Any text can be a password, so none is rejected.
  REDIS_PASSWORD: words((config) => config.cache.redis.password, ['secret', ' spaced ', '#:/@'], []),
  REDIS_DB: numbers((config) => config.cache.redis.db, 0),
  REDIS_TLS: flags((config) => config.cache.redis.tls),
  REDIS_KEY_PREFIX: words(
    (config) => config.cache.redis.keyPrefix,
    ['shop', 'a:b_c.d-e'],
    ['a b', 'x'.repeat(65), 'a*'],
  ),
  DATABASE_REPLICAS: {
    read: (config) => config.database.replicas,
    accepted: [
      ['a.test:5432', [{ host: 'a.test', port: 5432 }]],
      [
        'a.test:5432, b.test:5433',
        [
          { host: 'a.test', port: 5432 },
          { host: 'b.test', port: 5433 },
        ],
      ],
    ],
    rejected: ['a.test', 'a.test:0', 'a.test:5432,', 'postgres://a.test:5432', 'a.test:5432 b.test:5432'],
  },
  REPLICA_MAX_STALENESS: {
    read: (config) => config.database.replicaMaxStalenessMs,
    accepted: [
      ['1', 1_000],
      ['300', 300_000],
    ],
    rejected: ['0', '301', '2.5', 'abc'],
  },
  REDIS_SENTINELS: {
    read: (config) => config.cache.redis.sentinels,
    accepted: [
      [
        'a.test:26379, b.test:26380',
        [
          { host: 'a.test', port: 26379 },
          { host: 'b.test', port: 26380 },
        ],
      ],
    ],
    rejected: ['a.test', 'a.test:0', 'a.test:70000', 'a.test:1,', 'redis://a.test:1'],
  },
  REDIS_SENTINEL_MASTER: words((config) => config.cache.redis.sentinelMaster, ['main'], ['two words']),
  REDIS_CLUSTER_NODES: {
    read: (config) => config.cache.redis.clusterNodes,
    accepted: [['n1:7000', [{ host: 'n1', port: 7000 }]]],
    rejected: ['n1', 'n1:7000;n2:7000'],
  },
  CACHE_GRACE: numbers((config) => config.cache.graceSeconds, 0),
  CACHE_DEFAULT_TTL: numbers((config) => config.cache.defaultTtlSeconds, 1),
  CACHE_MEMORY_MAX_ENTRIES: numbers((config) => config.cache.memoryMaxEntries, 1),
  TENANT_CACHE_MAX_ENTRIES: numbers((config) => config.cache.tenantMaxEntries, 1),
  TENANT_CACHE_MEMORY_MB: numbers((config) => config.cache.tenantMemoryBytes / 1_048_576, 1, 65_536),
  ADMIN_API_KEY: words(
    (config) => config.security.adminApiKey,
    ['0123456789abcdef', 'correct-horse-battery-staple!$'],
    ['0123456789abcde', '0123456789 abcdef', '0123456789abcdef\n', 'schlüsselschlüssel'],
  ),
  ENCRYPTION_KEYS: {
    read: (config) => config.security.encryptionKeys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(),
    accepted: [`k1:${KEY_BASE64}`, `new_Key-2:${OTHER_KEY_BASE64},k1:${KEY_BASE64}`].map((ring) => [ring, ring]),
    rejected: [
      KEY_BASE64,
      `:${KEY_BASE64}`,
      `k 1:${KEY_BASE64}`,
      `${'k'.repeat(33)}:${KEY_BASE64}`,
      `k1:${Buffer.alloc(31).toString('base64')}`,
      `k1:${Buffer.alloc(33).toString('base64')}`,
      `k1:${Buffer.alloc(32).toString('hex')}`,
      `k1:${KEY_BASE64},k1:${OTHER_KEY_BASE64}`,
      `k1:${KEY_BASE64},`,
      `k1:${KEY_BASE64}, k2:${OTHER_KEY_BASE64}`,
      `k1:${KEY_BASE64};k2:${OTHER_KEY_BASE64}`,
      'k1:not*base64',
    ],
  },
  JWT_JWKS_URL: words(
    (config) => config.security.jwt.jwksUrl,
    ['https://issuer.test/jwks.json', 'http://127.0.0.1:8080/jwks'],
    ['issuer.test/jwks.json', 'file:///etc/passwd', 'https://', 'https://issuer.test/a b'],
  ),
  // The last one has 31 characters and 32 bytes: bytes count.
  JWT_SECRET: words(
    (config) => config.security.jwt.secret,
    ['s'.repeat(32), `ß${'s'.repeat(30)}`],
    ['s'.repeat(31), 'secret'],
  ),
  JWT_TENANT_CLAIM: words(
    (config) => config.security.jwt.tenantClaim,
    ['tenant', 'https://example.test/tenant'],
    ['ten ant', ' '],
  ),
  JWT_ISSUER: words((config) => config.security.jwt.issuer, ['https://issuer.test', 'issuer'], ['two issuers', ' ']),
  JWT_AUDIENCE: words((config) => config.security.jwt.audience, ['tenantry', 'https://api.test'], ['an audience', ' ']),
  TENANT_BASE_DOMAIN: words(
    (config) => config.http.tenantBaseDomain,
    ['example.com', 'tenants.example.co.uk', 'localhost'],
    ['.example.com', 'example.com.', '*.example.com', 'https://example.com', 'example.com:3000', 'a b', 'a..b'],
  ),
  PUBLIC_URL: {
    read: (config) => config.security.oidc?.publicOrigin,
    accepted: [
      ['https://admin.example.com', 'https://admin.example.com'],
      ['https://admin.example.com:8443/', 'https://admin.example.com:8443'],
      ['http://localhost:3000', 'http://localhost:3000'],
      ['http://[::1]:3000', 'http://[::1]:3000'],
    ],
    rejected: [
      ...[
        'admin.example.com',
        'http://admin.example.com',
        'http://127.0.0.1.example.com',
        'http://localhost.evil.test',
      ],
      ...['https://admin.example.com/console', 'https://admin.example.com?a', 'https://admin.example.com#a'],
      ...['https://user:pass@admin.example.com', 'https://admin.example.com ', 'javascript:alert(1)', 'file:///a'],
    ],
    with: SIGN_IN,
  },
  OIDC_ISSUER: {
    ...words(
      (config) => config.security.oidc?.issuer,
      ['https://login.example.com', 'https://login.example.com/realms/staff/', 'http://127.0.0.1:9000'],
      [
        ...['login.example.com', 'http://login.example.com', 'https://login.example.com?a', 'https://a.test/#b'],
        ...['https://user:pass@login.example.com', 'https://login example.com', 'file:///etc/passwd'],
      ],
    ),
    with: SIGN_IN,
  },
  OIDC_CLIENT_ID: { ...words((config) => config.security.oidc?.clientId, ['a:b', '%20'], ['a b', 'ä']), with: SIGN_IN },
  OIDC_CLIENT_SECRET: { ...words((config) => config.security.oidc?.clientSecret, ['s', ' ß '], []), with: SIGN_IN },
  OIDC_SCOPE: {
    ...words((config) => config.security.oidc?.scope, ['openid', 'groups openid'], ['groups', 'openid  a', 'openid,a']),
    with: SIGN_IN,
  },
  OIDC_ROLES_CLAIM: {
    ...words(
      (config) => config.security.oidc?.rolesClaim,
      ['realm_access.roles', 'https://a.test/roles'],
      ['a b', ' '],
    ),
    with: SIGN_IN,
  },
  OIDC_ROLES: {
    read: (config) => config.security.oidc?.roles,
    accepted: [
      ['ops=operator', [{ value: 'ops', role: 'operator', groups: undefined }]],
      [
        '/staff all=viewer, CN=admins=admin,emea=operator@emea+apac-2',
        [
          { value: '/staff all', role: 'viewer', groups: undefined },
          { value: 'CN=admins', role: 'admin', groups: undefined },
          { value: 'emea', role: 'operator', groups: ['emea', 'apac-2'] },
        ],
      ],
    ],
    rejected: [
      ...['ops', 'ops=', '=viewer', 'ops=owner', 'ops=viewer,', 'ops=viewer,ops=admin', 'ops=Viewer', 'ops=viewer@'],
      ...['ops=admin@emea', 'ops=viewer@EMEA', 'ops=viewer@a+', 'ops=viewer@-a', 'ops=viewer@a b', 'o\u0007=viewer'],
      Array.from({ length: 201 }, (_, index) => `g${index}=viewer`).join(),
    ],
    with: SIGN_IN,
  },
  OIDC_NAME_CLAIM: {
    ...words((config) => config.security.oidc?.nameClaim, ['preferred_username'], ['a b']),
    with: SIGN_IN,
  },
  OIDC_PROVIDER_NAME: {
    ...words((config) => config.security.oidc?.providerName, ['Example <SSO>'], ['x'.repeat(61), 'a\u0000', '\u202ea']),
    with: SIGN_IN,
  },
  OIDC_SESSION_MINUTES: { ...numbers((config) => config.security.oidc?.sessionMinutes, 5, 1_440), with: SIGN_IN },
  BACKUP_URL: {
    read: (config) => config.backups.place,
    accepted: [
      ['file:///var/backups', { kind: 'folder', path: '/var/backups' }],
      ['file:///var/back%20ups/', { kind: 'folder', path: '/var/back ups' }],
      ['s3://my-bucket', { kind: 's3', bucket: 'my-bucket', prefix: '' }],
      ['s3://my.bucket/tenants/eu-1/', { kind: 's3', bucket: 'my.bucket', prefix: 'tenants/eu-1' }],
    ],
    rejected: [
      ...['/var/backups', 'backups', 'file:backups', 'file://backups', 'file:///', 'file:////', 'file://./backups'],
      ...['file://host/backups', 'file:///a%00b', 'file:///a%2f..%2fb', 'file:///a%', 'file:///a b', 'file:///a?b'],
      ...['s3://', 's3://B/x', 's3:///x', 's3://my-bucket/../x', 's3://my-bucket//x', 's3://my-bucket/a b'],
      ...[
        's3://key:secret@my-bucket/x',
        's3://my-bucket?x',
        'https://my-bucket.test',
        'gs://my-bucket',
        'S3://my-bucket',
      ],
    ],
  },
  BACKUP_EVERY: {
    ...words(
      (config) => config.backups.every,
      ['0 3 * * *', '*/10 * * * * *', '@daily'],
      ['daily', '0 3 * *', '60 3 * * *', '0 0 30 2 *', '2026-11-28T00:00:00', 'P1D'],
    ),
    with: { BACKUP_URL: 'file:///var/backups' },
  },
  BACKUP_RETENTION_DAYS: numbers((config) => config.backups.retentionDays, 1, 36_500),
  EXPORT_RETENTION_DAYS: numbers((config) => config.backups.exportRetentionDays, 1, 36_500),
  ENABLE_DEMO_TENANTS: flags((config) => config.features.demoTenants),
  ENABLE_API_DOCS: flags((config) => config.features.apiDocs),
  ENABLE_CONSOLE: flags((config) => config.features.console),
  ENABLE_TENANT_CRON: flags((config) => config.features.tenantCron),
  USAGE_RETENTION_DAYS: numbers((config) => config.usage.retentionDays, 1, 36_500),
  STORAGE_MEASURE_MINUTES: numbers((config) => config.usage.measureMinutes, 0, 10_080),
  ENABLE_USAGE: flags((config) => config.features.usage),
  METRICS_PUBLIC: flags((config) => config.features.metricsPublic),
};

const folder = temporaryFolders()();

describe.each(VARIABLE_NAMES)('the variable %s', (name) => {
  const { read, accepted, rejected, with: others } = cases[name];

  it.each(accepted.map(([text, value]) => ({ text, value })))('accepts $text', ({ text, value }) => {
    expect(read(configOf({ ...REQUIRED, ...others, [name]: text }, folder))).toEqual(value);
  });

  if (rejected.length > 0) {
    it.each(rejected)('rejects %j, and no other variable is reported', (text) => {
      expect(variablesOf(problemsOf({ ...REQUIRED, ...others, [name]: text }, folder))).toEqual([name]);
    });
  }

  it('counts as not set when it is empty', () => {
    const without = Object.fromEntries(Object.entries({ ...REQUIRED, ...others }).filter(([other]) => other !== name));
    const outcome = (env: Variables) => {
      const problems = problemsOf(env, folder);
      return problems.length > 0 ? problems : configOf(env, folder);
    };
    expect(outcome({ ...without, [name]: '' })).toEqual(outcome(without));
  });
});
