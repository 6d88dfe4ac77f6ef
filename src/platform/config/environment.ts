import { z } from 'zod';
import {
  apiKey,
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
  text,
  timeout,
  webUrl,
} from './variable-types.js';

/**
 * Every variable the application reads: its type, its default as it would be written, its meaning and unit.
 * `.env.example` says the same to people; a test holds the two together.
 */
export const environmentTable = z.object({
  NODE_ENV: oneOf('development', 'test', 'production').prefault('development').describe('where it runs'),
  PORT: integer(0, 65_535).prefault('3000').describe('TCP port of the HTTP server; 0: any free one'),
  HOST: host.prefault('0.0.0.0').describe('address the HTTP server listens on'),
  SHUTDOWN_TIMEOUT: timeout.prefault('10').describe('seconds running requests may take to end'),

  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent')
    .prefault('info')
    .describe('least level'),
  LOG_FORMAT: oneOf('pretty', 'json').optional().describe('for people, or one JSON object a line'),

  DATABASE_URL: postgresUrl.optional().describe('the catalog, and the default server of tenants'),
  EMBEDDED_POSTGRES: flag.optional().describe('start a PostgreSQL of its own when DATABASE_URL is not set'),
  DATA_DIR: text('a path', /^[^\0]+$/)
    .prefault('.data')
    .describe('folder of embedded PostgreSQL, secrets, demo.json'),
  DB_POOLER: oneOf('transaction').optional().describe('PgBouncer in transaction mode is in front of DATABASE_URL'),
  DATABASE_DIRECT_URL: postgresUrl.optional().describe('the address around the pooler, for what needs a session'),

  ENABLE_CONNECTION_POOLING: flag.prefault('true').describe('false: each lease opens and closes a connection'),
  DB_POOL_SIZE: integer(1).prefault('10').describe('connections kept per target'),
  DB_MAX_OVERFLOW: integer(0).prefault('5').describe('extra connections per target under load, closed when idle'),
  DB_POOL_RECYCLE: lifetime.prefault('3600').describe('seconds after which a connection is replaced; 0: never'),
  DB_POOL_TIMEOUT: timeout.prefault('30').describe('seconds to wait for a connection'),
  DB_CONNECT_TIMEOUT: timeout.prefault('5').describe('seconds to open a connection'),
  DB_STATEMENT_TIMEOUT: timeout.prefault('30').describe('seconds a statement may run'),
  DB_LEASE_WARNING: timeout.prefault('60').describe('seconds after which a held transaction or session is logged'),
  DB_SERVER_MAX_CONNECTIONS: integer(1).prefault('90').describe("this process's connections per server, all pools"),

  TENANT_MAX_CONCURRENT: integer(1).optional().describe('connections of a target one tenant may hold at once'),
  TENANT_MAX_QUEUED: integer(0).prefault('200').describe('callers of one tenant that may wait for a connection'),

  ENABLE_REDIS_CACHE: flag.prefault('true').describe('false: memory tier only'),
  REDIS_URL: redisUrl.optional().describe('takes the place of the four variables that follow'),
  REDIS_HOST: host.prefault('localhost').describe('host of Redis'),
  REDIS_PORT: integer(1, 65_535).prefault('6379').describe('TCP port of Redis'),
  REDIS_PASSWORD: z.string().optional().describe('password of Redis'),
  REDIS_DB: integer(0).prefault('0').describe('number of the Redis database'),
  REDIS_TLS: flag.prefault('false').describe('talk TLS to Redis; with REDIS_URL its scheme says so'),
  REDIS_KEY_PREFIX: text('letters, digits and :_.-', /^[\w:.-]{1,64}$/)
    .prefault('tenantry')
    .describe('in front of every key; another one for each deployment that shares a Redis'),
  REDIS_SENTINELS: hostList.optional().describe('host:port of sentinels, comma-separated'),
  REDIS_SENTINEL_MASTER: text('a name', /^\S+$/).prefault('mymaster').describe('the master that sentinels watch'),
  REDIS_CLUSTER_NODES: hostList.optional().describe('host:port of some nodes of a cluster, comma-separated'),
  CACHE_DEFAULT_TTL: integer(1).prefault('300').describe('seconds an entry is good for'),
  CACHE_GRACE: integer(0)
    .prefault('600')
    .describe('seconds an entry may be served beyond its life while the catalog is away'),
  CACHE_MEMORY_MAX_ENTRIES: integer(1).prefault('10000').describe('entries the memory tier holds'),

  ADMIN_API_KEY: apiKey.optional().describe('credential of /admin/v1; generated outside production'),
  ENCRYPTION_KEYS: keyRing.optional().describe('seal secrets at rest, the first seals; generated outside production'),
  JWT_JWKS_URL: webUrl.optional().describe("the issuer's published keys"),
  JWT_SECRET: hmacSecret.optional().describe('key shared with the issuer, instead of JWT_JWKS_URL'),
  JWT_TENANT_CLAIM: text('a claim without white space', /^\S+$/).prefault('tenant').describe('claim naming the tenant'),

  ENABLE_DEMO_TENANTS: flag.optional().describe('create the demo tenants at start'),
  ENABLE_API_DOCS: flag.optional().describe('serve OpenAPI at /docs'),
  METRICS_PUBLIC: flag.prefault('false').describe('serve /metrics without the admin key'),
});

export type Environment = z.infer<typeof environmentTable>;
export type VariableName = keyof Environment;

/** In the table's order. */
export const VARIABLE_NAMES = environmentTable.keyof().options;

/** The rest of the table's defaults: those that depend on other variables. */
export function withDependentDefaults(environment: Environment) {
  const production = environment.NODE_ENV === 'production';
  // Where embedded PostgreSQL is not allowed, a missing DATABASE_URL has been refused before: environment-rules.ts.
  const embedded = environment.DATABASE_URL === undefined;
  return {
    ...environment,
    LOG_FORMAT: environment.LOG_FORMAT ?? (production ? 'json' : 'pretty'),
    EMBEDDED_POSTGRES: embedded,
    ENABLE_DEMO_TENANTS: environment.ENABLE_DEMO_TENANTS ?? embedded,
    ENABLE_API_DOCS: environment.ENABLE_API_DOCS ?? !production,
  };
}
