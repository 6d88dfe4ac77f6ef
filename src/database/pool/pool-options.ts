import type pg from 'pg';
import type { AppConfig } from '../../platform/config/app-config.js';
import { SIGNING_APPLICATION } from '../isolation/unsigned-sessions.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { CLIENT_KEEPALIVE, keepaliveOptions } from '../connection/keepalive.js';
import type { ConnectionConfig } from '../connection/read-write-client.js';
import type { RoleCheckOptions } from '../connection/role-check.js';

export interface PoolOptions {
  /** False when pooling is off: each connection is used once. */
  readonly reuse: boolean;
  /** Connections kept open when idle. */
  readonly size: number;
  /** Maximum number of additional connections under load; closed soon after they become idle. */
  readonly maxOverflow: number;
  /** Maximum age of a connection; 0 for no limit. */
  readonly recycleSeconds: number;
  /** Time limit for acquiring a connection, queueing included. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** A statement with a larger result is cancelled; 0 for no limit. */
  readonly maxResultBytes: number;
  /** A lease held for longer is reported. */
  readonly leaseWarningMs: number;
  /** A lease held for longer is ended; 0 for no limit. */
  readonly leaseTimeoutMs: number;
  /** A lease without any traffic for longer is ended; 0 for no limit. */
  readonly leaseIdleTimeoutMs: number;
  /** `TenantSchema.trustedFunctions`; none unless given. */
  readonly trustedFunctions?: readonly string[];
}

/** The options of a role check on a connection that was opened with these. */
export function roleCheckOptions({ connectTimeoutMs, trustedFunctions = [] }: PoolOptions): RoleCheckOptions {
  return { timeoutMs: connectTimeoutMs, trustedFunctions };
}

/** How long after the server's statement timeout the client treats a silent connection as frozen. */
export const READ_TIMEOUT_MARGIN_MS = 5_000;

/**
 * The node-postgres configuration for a connection to the target. `statement_timeout` and the keepalive
 * of the server's side are set at connect, except behind a pooler, which would reject them or leave them on a connection
 * that other clients use: there the timeout is sent with the stamp, and the pooler has keepalive settings of its own.
 */
export function clientConfig(target: ConnectionTarget, options: PoolOptions): ConnectionConfig {
  const isBehindPooler = target.server.aroundPooler !== undefined;
  return {
    host: target.server.host,
    port: target.server.port,
    ssl: target.server.tls === 'disable' ? false : { rejectUnauthorized: target.server.tls === 'verify-full' },
    database: target.database,
    user: target.role,
    password: target.password,
    application_name: SIGNING_APPLICATION,
    ...CLIENT_KEEPALIVE,
    connectionTimeoutMillis: options.connectTimeoutMs,
    isBehindPooler,
    ...(isBehindPooler ? target.options && { options: target.options } : directOptions(target, options)),
    query_timeout: options.statementTimeoutMs + READ_TIMEOUT_MARGIN_MS,
  };
}

function directOptions({ options }: ConnectionTarget, { statementTimeoutMs }: PoolOptions): pg.ClientConfig {
  return { options: keepaliveOptions(options), statement_timeout: statementTimeoutMs };
}

export function poolOptions({ pool }: AppConfig): PoolOptions {
  const { size, maxOverflow, recycleSeconds, timeoutMs, connectTimeoutMs, statementTimeoutMs, leaseWarningMs } = pool;
  return {
    reuse: pool.enabled,
    size,
    maxOverflow,
    recycleSeconds,
    timeoutMs,
    connectTimeoutMs,
    statementTimeoutMs,
    maxResultBytes: pool.maxResultBytes,
    leaseWarningMs,
    leaseTimeoutMs: pool.leaseTimeoutMs,
    leaseIdleTimeoutMs: pool.leaseIdleTimeoutMs,
  };
}
