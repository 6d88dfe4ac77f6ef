import type pg from 'pg';
import type { AppConfig } from '../../platform/config/app-config.js';
import type { ConnectionTarget } from '../connection/connection-target.js';

export interface PoolOptions {
  /** False with pooling off: a connection is used once. */
  readonly reuse: boolean;
  /** Connections kept. */
  readonly size: number;
  /** Extra connections under load, closed when idle. */
  readonly maxOverflow: number;
  readonly recycleSeconds: number;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** A lease that is held for longer is told of. */
  readonly leaseWarningMs: number;
}

/** How much longer than the server a client waits before it gives a connection up for frozen. */
const READ_TIMEOUT_MARGIN_MS = 5_000;

/**
 * What node-postgres needs to open one connection to the target. The server's statement deadline is set at connect; a
 * pooler would refuse that or leave it on another client's connection, so there it travels with the stamp.
 */
export function clientConfig(target: ConnectionTarget, options: PoolOptions): pg.ClientConfig {
  return {
    host: target.server.host,
    port: target.server.port,
    ssl: target.server.tls === 'disable' ? false : { rejectUnauthorized: target.server.tls === 'verify-full' },
    database: target.database,
    user: target.role,
    password: target.password,
    application_name: 'tenantry',
    keepAlive: true,
    connectionTimeoutMillis: options.connectTimeoutMs,
    ...(target.server.aroundPooler === undefined && { statement_timeout: options.statementTimeoutMs }),
    query_timeout: options.statementTimeoutMs + READ_TIMEOUT_MARGIN_MS,
  };
}

export function poolOptions({ pool }: AppConfig): PoolOptions {
  const { size, maxOverflow, recycleSeconds, timeoutMs, connectTimeoutMs, statementTimeoutMs, leaseWarningMs } = pool;
  return {
    reuse: pool.enabled,
    ...{ size, maxOverflow, recycleSeconds, timeoutMs, connectTimeoutMs, statementTimeoutMs, leaseWarningMs },
  };
}
