import { deepFreeze } from '../deep-freeze.js';

/** Injection token of the one validated, frozen configuration object. */
export const APP_CONFIG = Symbol('APP_CONFIG');

export type RuntimeEnvironment = 'development' | 'test' | 'production';
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** One key of the ring that seals secrets: AES-256, so `key` is 32 bytes. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: Buffer;
}

/** The environment after validation. Times are in the unit that the field's name says. Nothing else reads `process.env`. */
export interface AppConfig {
  readonly environment: RuntimeEnvironment;
  readonly http: { readonly host: string; readonly port: number };
  readonly log: { readonly level: LogLevel; readonly format: 'pretty' | 'json' };
  /** Absolute path: embedded PostgreSQL's data, generated secrets, `demo.json`. */
  readonly dataDir: string;
  readonly database: {
    /** The catalog, and the default server of tenants. With embedded PostgreSQL it is set once that server runs. */
    readonly url: string | undefined;
    /** True when no `DATABASE_URL` is given and embedded PostgreSQL is allowed here. */
    readonly embedded: boolean;
    readonly pooler: 'transaction' | undefined;
    /** The address around the pooler, for what needs a session. */
    readonly directUrl: string | undefined;
  };
  readonly pool: {
    readonly enabled: boolean;
    /** Connections kept per target. */
    readonly size: number;
    /** Extra connections per target under load. */
    readonly maxOverflow: number;
    readonly recycleSeconds: number;
    readonly timeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly statementTimeoutMs: number;
    /** This process's limit per server, over all its pools. */
    readonly serverMaxConnections: number;
    /** Connections of a target that one tenant may hold at once; undefined: half of a shared target's, all of its own. */
    readonly tenantMaxConcurrent: number | undefined;
    /** Callers of one tenant that may wait at once. */
    readonly tenantMaxQueued: number;
    /** A transaction or session held for longer is told of. */
    readonly leaseWarningMs: number;
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
      /** Not empty: the master is asked of these. */
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
      readonly sentinelMaster: string;
      /** Not empty: a cluster, found through these. */
      readonly clusterNodes: readonly { readonly host: string; readonly port: number }[];
    };
    readonly defaultTtlSeconds: number;
    /** How long after its life an entry may be served while the catalog cannot be asked. */
    readonly graceSeconds: number;
    readonly memoryMaxEntries: number;
  };
  readonly security: {
    readonly adminApiKey: string;
    /** The first one seals, all of them open. Never empty. */
    readonly encryptionKeys: readonly EncryptionKey[];
    readonly jwt: {
      readonly jwksUrl: string | undefined;
      readonly secret: string | undefined;
      readonly tenantClaim: string;
    };
  };
  readonly features: { readonly demoTenants: boolean; readonly apiDocs: boolean; readonly metricsPublic: boolean };
  readonly shutdownTimeoutMs: number;
}

/** The same configuration, frozen too, with the address of the embedded PostgreSQL that has been started since. */
export function withDatabaseUrl(config: AppConfig, url: string): AppConfig {
  return deepFreeze({ ...config, database: { ...config.database, url } });
}
