import { hostname } from 'node:os';
import type { AppConfig, OidcConfig } from './app-config.js';
import { type Environment, withDependentDefaults } from './environment.js';
import type { RequiredSecrets } from './required-secrets.js';

/** Maps environment variables to the grouped configuration that the code uses. */
export function buildAppConfig(environment: Environment, dataDir: string, secrets: RequiredSecrets): AppConfig {
  const env = withDependentDefaults(environment);
  return {
    environment: env.NODE_ENV,
    http: {
      host: env.HOST,
      port: env.PORT,
      requestTimeoutMs: env.REQUEST_TIMEOUT,
      trustedProxies: env.TRUSTED_PROXIES ?? [],
      tenantBaseDomain: env.TENANT_BASE_DOMAIN,
    },
    log: { level: env.LOG_LEVEL, format: env.LOG_FORMAT },
    dataDir,
    database: {
      url: env.DATABASE_URL,
      embedded: env.EMBEDDED_POSTGRES,
      pooler: env.DB_POOLER,
      directUrl: env.DATABASE_DIRECT_URL,
      tenantUrl: env.TENANT_DATABASE_URL,
      replicas: env.DATABASE_REPLICAS ?? [],
      replicaMaxStalenessMs: env.REPLICA_MAX_STALENESS * 1_000,
      catalogSchema: env.CATALOG_SCHEMA,
      centralSchema: env.CENTRAL_SCHEMA,
    },
    pool: {
      enabled: env.ENABLE_CONNECTION_POOLING,
      size: env.DB_POOL_SIZE,
      maxOverflow: env.DB_MAX_OVERFLOW,
      recycleSeconds: env.DB_POOL_RECYCLE,
      timeoutMs: env.DB_POOL_TIMEOUT,
      connectTimeoutMs: env.DB_CONNECT_TIMEOUT,
      statementTimeoutMs: env.DB_STATEMENT_TIMEOUT,
      maxResultBytes: env.DB_MAX_RESULT_BYTES,
      serverMaxConnections: env.DB_SERVER_MAX_CONNECTIONS,
      tenantMaxConcurrent: env.TENANT_MAX_CONCURRENT,
      tenantMaxQueued: env.TENANT_MAX_QUEUED,
      leaseWarningMs: env.DB_LEASE_WARNING,
      leaseTimeoutMs: env.DB_LEASE_TIMEOUT * 1000,
      leaseIdleTimeoutMs: env.DB_LEASE_IDLE_TIMEOUT * 1000,
    },
    cache: {
      redisEnabled: env.ENABLE_REDIS_CACHE,
      redis: {
        url: env.REDIS_URL,
        host: env.REDIS_HOST,
        port: env.REDIS_PORT,
        password: env.REDIS_PASSWORD,
        db: env.REDIS_DB,
        tls: env.REDIS_TLS,
        keyPrefix: env.REDIS_KEY_PREFIX,
        sentinels: env.REDIS_SENTINELS ?? [],
        sentinelMaster: env.REDIS_SENTINEL_MASTER,
        clusterNodes: env.REDIS_CLUSTER_NODES ?? [],
      },
      defaultTtlSeconds: env.CACHE_DEFAULT_TTL,
      graceSeconds: env.CACHE_GRACE,
      memoryMaxEntries: env.CACHE_MEMORY_MAX_ENTRIES,
      tenantMaxEntries: env.TENANT_CACHE_MAX_ENTRIES,
      tenantMemoryBytes: env.TENANT_CACHE_MEMORY_MB * 1_048_576,
    },
    security: {
      ...secrets,
      jwt: {
        jwksUrl: env.JWT_JWKS_URL,
        secret: env.JWT_SECRET,
        tenantClaim: env.JWT_TENANT_CLAIM,
        issuer: env.JWT_ISSUER,
        audience: env.JWT_AUDIENCE,
      },
      oidc: oidcConfig(env),
    },
    backups: {
      place: env.BACKUP_URL,
      every: env.BACKUP_EVERY,
      retentionDays: env.BACKUP_RETENTION_DAYS,
      exportRetentionDays: env.EXPORT_RETENTION_DAYS,
    },
    usage: { retentionDays: env.USAGE_RETENTION_DAYS, measureMinutes: env.STORAGE_MEASURE_MINUTES },
    features: {
      demoTenants: env.ENABLE_DEMO_TENANTS,
      apiDocs: env.ENABLE_API_DOCS,
      console: env.ENABLE_CONSOLE,
      metricsPublic: env.METRICS_PUBLIC,
      tenantCron: env.ENABLE_TENANT_CRON,
      usage: env.ENABLE_USAGE,
    },
    instanceName: env.INSTANCE_NAME ?? hostname(),
    workers: env.WORKERS,
    tenantFeatures: env.TENANT_FEATURES ?? {},
    spareTenants: env.SPARE_TENANTS ?? [],
    startupWaitMs: env.STARTUP_WAIT * 1_000,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT,
  };
}

/** Undefined without `OIDC_ISSUER`. The rules of the environment have checked what it requires. */
function oidcConfig(env: Environment): OidcConfig | undefined {
  if (env.OIDC_ISSUER === undefined) return undefined;
  return {
    issuer: env.OIDC_ISSUER,
    clientId: env.OIDC_CLIENT_ID!,
    clientSecret: env.OIDC_CLIENT_SECRET,
    publicOrigin: env.PUBLIC_URL!,
    scope: env.OIDC_SCOPE,
    rolesClaim: env.OIDC_ROLES_CLAIM,
    roles: env.OIDC_ROLES!,
    nameClaim: env.OIDC_NAME_CLAIM,
    providerName: env.OIDC_PROVIDER_NAME ?? new URL(env.OIDC_ISSUER).host,
    sessionMinutes: env.OIDC_SESSION_MINUTES,
  };
}
