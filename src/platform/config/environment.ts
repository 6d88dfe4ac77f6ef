import { z } from 'zod';
import { claimName, issuerUrl, publicUrl, rolesOfClaims, scopeList } from './oidc-variables.js';
import {
  addressList,
  apiKey,
  backupUrl,
  catalogSchema,
  centralSchema,
  cronExpression,
  domain,
  flag,
  hostList,
  hmacSecret,
  host,
  integer,
  keyRing,
  lifetime,
  oneOf,
  postgresUrl,
  redisUrl,
  spareTenants,
  tenantFeatures,
  text,
  timeout,
  webUrl,
} from './variable-types.js';

/**
 * Every variable the application reads: its type, its default in text form, its meaning and unit.
 * `.env.example` documents the same variables for operators; a test keeps the two in sync.
 */
export const environmentTable = z.object({
  NODE_ENV: oneOf('development', 'test', 'production').prefault('development').describe('runtime environment'),
  PORT: integer(0, 65_535).prefault('3000').describe('TCP port of the HTTP server; 0: any free port'),
  HOST: host.prefault('0.0.0.0').describe('address that the HTTP server listens on'),
  REQUEST_TIMEOUT: timeout.prefault('30').describe('seconds in which a request must have arrived, with its body'),
  TRUSTED_PROXIES: addressList
    .optional()
    .describe('addresses or CIDR ranges of proxies whose X-Forwarded-For is believed, comma-separated'),
  STARTUP_WAIT: lifetime
    .prefault('0')
    .describe('seconds to wait at start while PostgreSQL is away or full; 0: fail at once'),
  WORKERS: integer(1, 128).prefault('1').describe('processes of one instance, which share its port and connections'),
  INSTANCE_NAME: text('a name of up to 63 letters, digits, dots, hyphens and underscores', /^[A-Za-z0-9._-]{1,63}$/)
    .optional()
    .describe('what operators see this instance as; by default the name of the host'),
  SHUTDOWN_TIMEOUT: timeout
    .prefault('10')
    .describe('seconds that a shutdown may take; in-flight requests may take 80 % of them'),

  SPARE_TENANTS: spareTenants
    .optional()
    .describe('tenants to keep provisioned ahead of sign-ups, by isolation and server: schema:5,database@eu-2:2'),

  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent')
    .prefault('info')
    .describe('minimum log level'),
  LOG_FORMAT: oneOf('pretty', 'json').optional().describe('pretty: readable text; json: one JSON object per line'),

  DATABASE_URL: postgresUrl
    .optional()
    .describe('catalog database, and the default server for tenants; with all hosts of a cluster: …@h1:5432,h2:5432/…'),
  EMBEDDED_POSTGRES: flag.optional().describe('start an embedded PostgreSQL when DATABASE_URL is not set'),
  DATA_DIR: text('a path', /^[^\0]+$/)
    .prefault('.data')
    .describe('folder for embedded PostgreSQL, generated secrets and demo.json'),
  DB_POOLER: oneOf('transaction').optional().describe('transaction: DATABASE_URL is PgBouncer in transaction mode'),
  DATABASE_DIRECT_URL: postgresUrl.optional().describe('URL that bypasses the pooler, for work that needs a session'),
  TENANT_DATABASE_URL: postgresUrl
    .optional()
    .describe('provided database and login role of the row and schema tenants on the server of DATABASE_URL'),

  DATABASE_REPLICAS: hostList
    .optional()
    .describe('read replicas of the server of DATABASE_URL as host:port, comma-separated'),
  REPLICA_MAX_STALENESS: integer(1, 300)
    .prefault('10')
    .describe('seconds by which a read replica may be behind where a read does not say it'),

  CATALOG_SCHEMA: catalogSchema
    .optional()
    .describe("schema of the catalog's tables; not set: tenantry, or where they are already"),
  CENTRAL_SCHEMA: centralSchema
    .prefault('central')
    .describe("schema of the central tables in the catalog's database, where the application has any"),

  ENABLE_CONNECTION_POOLING: flag.prefault('true').describe('false: every lease opens and closes its own connection'),
  DB_POOL_SIZE: integer(1).prefault('10').describe('connections kept open per target'),
  DB_MAX_OVERFLOW: integer(0).prefault('5').describe('additional connections per target under load, closed when idle'),
  DB_POOL_RECYCLE: lifetime.prefault('3600').describe('maximum age of a connection in seconds; 0: unlimited'),
  DB_POOL_TIMEOUT: timeout.prefault('30').describe('seconds to wait for a connection from the pool'),
  DB_CONNECT_TIMEOUT: timeout.prefault('5').describe('seconds to open a connection'),
  DB_STATEMENT_TIMEOUT: timeout.prefault('30').describe('seconds a statement, or one fetch of a stream, may run'),
  DB_MAX_RESULT_BYTES: integer(0)
    .prefault('67108864')
    .describe('largest result of one statement, which is cancelled beyond it; 0: unlimited'),
  DB_LEASE_WARNING: timeout
    .prefault('60')
    .describe('seconds after which a transaction or session still held is logged'),
  DB_LEASE_TIMEOUT: lifetime
    .prefault('300')
    .describe('seconds after which a transaction or session is ended; 0: never'),
  DB_LEASE_IDLE_TIMEOUT: lifetime
    .prefault('60')
    .describe('seconds without traffic after which a transaction, session or stream is ended; 0: never'),
  DB_SERVER_MAX_CONNECTIONS: integer(1)
    .prefault('30')
    .describe('the most connections of this instance to one server, across all pools and workers'),

  TENANT_MAX_CONCURRENT: integer(1).optional().describe('connections of a target that one tenant may hold at once'),
  TENANT_MAX_QUEUED: integer(0).prefault('200').describe('callers per tenant that may wait for a connection'),
  TENANT_FEATURES: tenantFeatures
    .optional()
    .describe(
      'feature flags of tenants where neither plan nor tenant decides: name=true or name=false, comma-separated',
    ),

  ENABLE_REDIS_CACHE: flag.prefault('true').describe('false: memory tier only'),
  REDIS_URL: redisUrl.optional().describe('replaces REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and REDIS_DB'),
  REDIS_HOST: host.prefault('localhost').describe('Redis host'),
  REDIS_PORT: integer(1, 65_535).prefault('6379').describe('Redis TCP port'),
  REDIS_PASSWORD: z.string().optional().describe('Redis password'),
  REDIS_DB: integer(0).prefault('0').describe('Redis database number'),
  REDIS_TLS: flag.prefault('false').describe('connect to Redis over TLS; with REDIS_URL, use rediss:// instead'),
  REDIS_KEY_PREFIX: text('letters, digits and :_.-', /^[\w:.-]{1,64}$/)
    .prefault('tenantry')
    .describe('prefix of every key; must differ between deployments that share a Redis'),
  REDIS_SENTINELS: hostList.optional().describe('Redis Sentinels as host:port, comma-separated'),
  REDIS_SENTINEL_MASTER: text('a name', /^\S+$/)
    .prefault('mymaster')
    .describe('name of the master that the sentinels monitor'),
  REDIS_CLUSTER_NODES: hostList.optional().describe('Redis Cluster seed nodes as host:port, comma-separated'),
  CACHE_DEFAULT_TTL: integer(1).prefault('300').describe('lifetime of a cache entry in seconds'),
  CACHE_GRACE: integer(0)
    .prefault('600')
    .describe('seconds an expired entry may still be served while the catalog is unreachable'),
  CACHE_MEMORY_MAX_ENTRIES: integer(1).prefault('10000').describe('maximum entries in the memory tier'),
  TENANT_CACHE_MAX_ENTRIES: integer(1).prefault('1000').describe("values of one tenant in the application's own cache"),
  TENANT_CACHE_MEMORY_MB: integer(1, 65_536)
    .prefault('64')
    .describe(
      "memory for the application's own cached values of all tenants, in MiB; one tenant has a quarter at most",
    ),

  ADMIN_API_KEY: apiKey.optional().describe('API key of the control plane, /admin/v1; generated outside production'),
  ENCRYPTION_KEYS: keyRing.optional().describe('keys that encrypt secrets at rest; generated outside production'),
  JWT_JWKS_URL: webUrl.optional().describe("URL of the issuer's JSON Web Key Set"),
  JWT_SECRET: hmacSecret.optional().describe('HMAC secret shared with the issuer, as an alternative to JWT_JWKS_URL'),
  JWT_TENANT_CLAIM: text('a claim name without whitespace', /^\S+$/)
    .prefault('tenant')
    .describe('claim with the slug or id of the tenant'),
  JWT_ISSUER: text('an issuer without whitespace', /^\S+$/).optional().describe('required value of the claim iss'),
  JWT_AUDIENCE: text('an audience without whitespace', /^\S+$/)
    .optional()
    .describe('value that the claim aud must be or contain'),

  TENANT_BASE_DOMAIN: domain.optional().describe('domain whose sub-domains select tenants: <slug>.<this domain>'),

  PUBLIC_URL: publicUrl
    .optional()
    .describe("https:// address at which operators' browsers reach this application, without a path"),
  OIDC_ISSUER: issuerUrl.optional().describe('issuer of the OpenID provider that operators sign in with'),
  OIDC_CLIENT_ID: text('a client id without whitespace', /^[\x21-\x7e]{1,255}$/)
    .optional()
    .describe('client id of this application at the provider'),
  OIDC_CLIENT_SECRET: z.string().optional().describe('client secret; not set: a public client'),
  OIDC_SCOPE: scopeList.prefault('openid profile email').describe('scopes to ask for, separated by spaces'),
  OIDC_ROLES_CLAIM: claimName.prefault('groups').describe('claim with the roles or groups, or its path with dots'),
  OIDC_ROLES: rolesOfClaims
    .optional()
    .describe('values of the claim and their roles: ops=operator,emea=viewer@emea, comma-separated'),
  OIDC_NAME_CLAIM: claimName.prefault('email').describe("claim with an operator's name"),
  OIDC_PROVIDER_NAME: text('1 to 60 printable characters', /^[^\p{C}]{1,60}$/u)
    .optional()
    .describe("name of the provider on the console's button; not set: the issuer's host"),
  OIDC_SESSION_MINUTES: integer(5, 1_440).prefault('60').describe('minutes that a sign-in through the provider lasts'),

  BACKUP_URL: backupUrl.optional().describe('where archives go: file:///folder, or s3://bucket/prefix'),
  BACKUP_EVERY: cronExpression
    .optional()
    .describe('cron expression, in UTC, of the times at which every tenant is backed up'),
  BACKUP_RETENTION_DAYS: integer(1, 36_500).prefault('30').describe('days for which a backup is kept'),
  EXPORT_RETENTION_DAYS: integer(1, 36_500).prefault('30').describe('days for which an export in the store is kept'),

  USAGE_RETENTION_DAYS: integer(1, 36_500).prefault('400').describe('days for which the usage of tenants is kept'),
  STORAGE_MEASURE_MINUTES: integer(0, 10_080)
    .prefault('60')
    .describe('minutes between two measurements of what tenants have stored; 0: none by this instance'),

  ENABLE_DEMO_TENANTS: flag.optional().describe('create the demo tenants at startup'),
  ENABLE_API_DOCS: flag.optional().describe('serve the OpenAPI documentation at /docs'),
  ENABLE_CONSOLE: flag.optional().describe("serve the operators' console at /console"),
  ENABLE_TENANT_CRON: flag.prefault('true').describe('false: this instance runs no @TenantCron methods'),
  ENABLE_USAGE: flag.prefault('true').describe('false: this instance does not count what tenants use'),
  METRICS_PUBLIC: flag.prefault('false').describe('serve /metrics without the admin key'),
});

export type Environment = z.infer<typeof environmentTable>;
export type VariableName = keyof Environment;

/** In declaration order. */
export const VARIABLE_NAMES = environmentTable.keyof().options;

/** Applies the defaults that depend on other variables. */
export function withDependentDefaults(environment: Environment) {
  const production = environment.NODE_ENV === 'production';
  // Where embedded PostgreSQL is not allowed, environment-rules.ts has already rejected a missing DATABASE_URL.
  const embedded = environment.DATABASE_URL === undefined;
  return {
    ...environment,
    LOG_FORMAT: environment.LOG_FORMAT ?? (production ? 'json' : 'pretty'),
    EMBEDDED_POSTGRES: embedded,
    ENABLE_DEMO_TENANTS: environment.ENABLE_DEMO_TENANTS ?? embedded,
    ENABLE_API_DOCS: environment.ENABLE_API_DOCS ?? !production,
    ENABLE_CONSOLE: environment.ENABLE_CONSOLE ?? !production,
  };
}
