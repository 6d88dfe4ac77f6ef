import { deepFreeze } from '../deep-freeze.js';
import type { RoleOfClaim } from './oidc-variables.js';
import type { BackupPlace, SpareTenantCount } from './variable-types.js';

/** Injection token of the validated, deeply frozen `AppConfig`. */
export const APP_CONFIG = Symbol.for('tenantry/APP_CONFIG');

type RuntimeEnvironment = 'development' | 'test' | 'production';
type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** One key of the key ring: AES-256, so `key` is 32 bytes. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: Buffer;
}

/** One of the processes that an instance with `WORKERS` above 1 consists of. */
export interface Worker {
  /** From 1 to `count`. The process that replaces one that has ended has its number. */
  readonly number: number;
  readonly count: number;
  /** Whether it does what is done once per start of an instance, before the other workers start. */
  readonly isFirst: boolean;
}

/** An application's registration with an OpenID provider, and what its claims mean here. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined: the provider knows the application as a public client. */
  readonly clientSecret: string | undefined;
  /** Scheme, host and port at which browsers reach the application. */
  readonly publicOrigin: string;
  /** Space-separated. */
  readonly scope: string;
  /** Name of the claim with the roles, or its path with dots. */
  readonly rolesClaim: string;
  readonly roles: readonly RoleOfClaim[];
  /** Name of the claim with an operator's name. */
  readonly nameClaim: string;
  /** What the button of the sign-in says. */
  readonly providerName: string;
  readonly sessionMinutes: number;
}

/**
 * The validated environment. Field names carry the unit of time. Application settings are read from here, never from
 * `process.env`.
 */
export interface AppConfig {
  readonly environment: RuntimeEnvironment;
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** In which a request must have arrived completely, from its first byte. */
    readonly requestTimeoutMs: number;
    /** Addresses and CIDR ranges of the proxies whose `X-Forwarded-For` is believed; empty: none. */
    readonly trustedProxies: readonly string[];
    /** Lower-case. Sub-domains select tenants under it only; undefined: nowhere. */
    readonly tenantBaseDomain: string | undefined;
  };
  readonly log: { readonly level: LogLevel; readonly format: 'pretty' | 'json' };
  /** Absolute path of the folder for embedded PostgreSQL's data, generated secrets and `demo.json`. */
  readonly dataDir: string;
  readonly database: {
    /** The catalog, and the default server for tenants. Undefined until embedded PostgreSQL, if used, has started. */
    readonly url: string | undefined;
    /** True when `DATABASE_URL` is not set and embedded PostgreSQL is allowed in this environment. */
    readonly embedded: boolean;
    readonly pooler: 'transaction' | undefined;
    /** URL that bypasses the pooler, for work that needs a session (LISTEN, session locks). */
    readonly directUrl: string | undefined;
    /**
     * Database and login role that an operator made for the row and schema tenants of the default server. Undefined:
     * Tenantry makes them.
     */
    readonly tenantUrl: string | undefined;
    /** Read replicas of the default server. */
    readonly replicas: readonly { readonly host: string; readonly port: number }[];
    /** By how much a replica may be behind where a read does not say it. */
    readonly replicaMaxStalenessMs: number;
    /** Schema of the catalog's tables. Undefined: where they are already, else `tenantry`. */
    readonly catalogSchema: string | undefined;
    /** Schema of the central tables, in the catalog's database. */
    readonly centralSchema: string;
  };
  readonly pool: {
    readonly enabled: boolean;
    /** Connections kept open per target. */
    readonly size: number;
    /** Additional connections per target under load. */
    readonly maxOverflow: number;
    readonly recycleSeconds: number;
    readonly timeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly statementTimeoutMs: number;
    /** The largest result of one statement, in bytes on the wire; 0: unlimited. Cursors and streams have no limit. */
    readonly maxResultBytes: number;
    /** Maximum connections of this instance per server, across all its pools; each worker has its share of them. */
    readonly serverMaxConnections: number;
    /**
     * Connections of a target that one tenant may hold at once. Undefined: half of a shared target's, all of a
     * dedicated one's.
     */
    readonly tenantMaxConcurrent: number | undefined;
    /** Callers per tenant that may wait for a connection at once. */
    readonly tenantMaxQueued: number;
    /** A transaction or session held for longer than this is logged. */
    readonly leaseWarningMs: number;
    /** A transaction, session or stream held for longer than this is ended; 0: never. */
    readonly leaseTimeoutMs: number;
    /** The same when nothing has been sent or received for this long; 0: never. */
    readonly leaseIdleTimeoutMs: number;
  };
  readonly cache: {
    readonly redisEnabled: boolean;
    readonly redis: {
      readonly url: string | undefined;
      readonly host: string;
      readonly port: number;
      readonly password: string | undefined;
      readonly db: number;
      readonly tls: boolean;
      readonly keyPrefix: string;
      /** When not empty, the sentinels that are queried for the master. */
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
      readonly sentinelMaster: string;
      /** When not empty, the seed nodes of a Redis Cluster. */
      readonly clusterNodes: readonly { readonly host: string; readonly port: number }[];
    };
    readonly defaultTtlSeconds: number;
    /** How long past its TTL an entry may be served while the catalog is unreachable. */
    readonly graceSeconds: number;
    readonly memoryMaxEntries: number;
    /** Values of one tenant in the application's own cache, in memory and in Redis each. */
    readonly tenantMaxEntries: number;
    /** Memory for the application's own cached values of all tenants. */
    readonly tenantMemoryBytes: number;
  };
  readonly security: {
    readonly adminApiKey: string;
    /** The first key encrypts; every key decrypts. Never empty. */
    readonly encryptionKeys: readonly EncryptionKey[];
    readonly jwt: {
      readonly jwksUrl: string | undefined;
      readonly secret: string | undefined;
      readonly tenantClaim: string;
      /** Required value of `iss`; undefined: any. */
      readonly issuer: string | undefined;
      /** What `aud` must be or contain; undefined: anything. */
      readonly audience: string | undefined;
    };
    /** How operators sign in to the console through OpenID Connect; undefined: with keys only. */
    readonly oidc: OidcConfig | undefined;
  };
  readonly backups: {
    /** Where archives are kept; undefined: nowhere. */
    readonly place: BackupPlace | undefined;
    /** Cron expression, in UTC; undefined: only when an operator asks for one. */
    readonly every: string | undefined;
    readonly retentionDays: number;
    readonly exportRetentionDays: number;
  };
  /** What operators see this instance as. */
  readonly instanceName: string;
  readonly usage: {
    readonly retentionDays: number;
    /** Minutes between two measurements of what tenants have stored; 0: none. */
    readonly measureMinutes: number;
  };
  /** Processes of one instance. */
  readonly workers: number;
  /** The worker that this process is. Undefined: it is the whole instance, their primary, or a command. */
  readonly worker?: Worker | undefined;
  readonly features: {
    readonly demoTenants: boolean;
    readonly apiDocs: boolean;
    /** Whether the operators' console is served. */
    readonly console: boolean;
    readonly metricsPublic: boolean;
    /** Whether this instance runs methods under `@TenantCron`. */
    readonly tenantCron: boolean;
    /** Whether this instance counts what tenants use. */
    readonly usage: boolean;
  };
  /** Tenants to keep provisioned ahead of sign-ups. */
  /** Feature flags of tenants where neither plan nor tenant decides. */
  readonly tenantFeatures: Readonly<Record<string, boolean>>;
  readonly spareTenants: readonly SpareTenantCount[];
  /** How long the start waits while PostgreSQL is away or full; 0: not at all. */
  readonly startupWaitMs: number;
  readonly shutdownTimeoutMs: number;
}

/**
 * Returns a frozen copy of the configuration with the URL of the embedded PostgreSQL, known only after it has started.
 */
export function withDatabaseUrl(config: AppConfig, url: string): AppConfig {
  return deepFreeze({ ...config, database: { ...config.database, url } });
}

/** Returns a frozen copy of an instance's configuration for one of its workers. */
export function forWorker(config: AppConfig, worker: Worker): AppConfig {
  return deepFreeze({ ...config, worker });
}
