import type pg from 'pg';
import { applicationName } from '../../platform/postgres/application-name.js';
import { addressesOf, type ConnectionTarget } from './connection-target.js';
import type { ConnectionConfig } from './read-write-client.js';

/**
 * Ends a connection whose server has vanished, within 15 s: Node sends ten probes, one per second. They are not sent while data
 * that was sent is unacknowledged; then the read timeout ends the connection.
 */
export const CLIENT_KEEPALIVE: pg.ClientConfig = { keepAlive: true, keepAliveInitialDelayMillis: 5_000 };

/**
 * Ends the backend of a client that has vanished, within 15 s, also during a statement. Otherwise it counts towards
 * `max_connections` until TCP's own keepalive, two hours later, or the end of its statement.
 *
 * Source: https://www.postgresql.org/docs/current/runtime-config-connection.html#RUNTIME-CONFIG-TCP
 */
const SERVER_KEEPALIVE: readonly (readonly [name: string, value: number])[] = [
  ['tcp_keepalives_idle', 5],
  ['tcp_keepalives_interval', 3],
  ['tcp_keepalives_count', 3],
  ['tcp_user_timeout', 15_000],
  ['client_connection_check_interval', 2_000],
];

/**
 * The startup parameter `options` of a direct connection. A pooler refuses these settings: it has some of its own.
 *
 * @param own options of the user, in which a setting replaces the one above
 */
export function keepaliveOptions(own = process.env['PGOPTIONS'] ?? ''): string {
  const defaults = SERVER_KEEPALIVE.filter(([name]) => !own.includes(name)).map(
    ([name, value]) => `-c ${name}=${value}`,
  );
  return [...defaults, own].join(' ').trim();
}

/** What each connection of an instance has. Times are in ms. */
export interface ConnectionOptions {
  /** `instanceIdOf` its configuration. */
  readonly instanceId: string;
  readonly connectTimeoutMs: number;
  /** Per statement. */
  readonly statementTimeoutMs: number;
}

/** How long after the server's statement timeout the client treats a silent connection as frozen. */
export const READ_TIMEOUT_MARGIN_MS = 5_000;

/**
 * The node-postgres configuration for a connection to the target. `statement_timeout` and the keepalive
 * of the server's side are set at connect, except behind a pooler, which would reject them or leave them on a connection
 * that other clients use: there the timeout is sent with the stamp, and the pooler has keepalive settings of its own.
 */
export function clientConfig(target: ConnectionTarget, options: ConnectionOptions): ConnectionConfig {
  const isBehindPooler = target.server.aroundPooler !== undefined;
  const addresses = addressesOf(target.server);
  return {
    ...(addresses.length > 1 && { addresses }),
    host: target.server.host,
    port: target.server.port,
    ssl: target.server.tls === 'disable' ? false : { rejectUnauthorized: target.server.tls === 'verify-full' },
    database: target.database,
    user: target.role,
    password: target.password,
    application_name: applicationName('signed', options.instanceId),
    ...CLIENT_KEEPALIVE,
    connectionTimeoutMillis: options.connectTimeoutMs,
    isBehindPooler,
    isReplica: target.isReplica ?? false,
    ...(isBehindPooler ? target.options && { options: target.options } : directOptions(target, options)),
    query_timeout: options.statementTimeoutMs + READ_TIMEOUT_MARGIN_MS,
  };
}

function directOptions({ options }: ConnectionTarget, { statementTimeoutMs }: ConnectionOptions): pg.ClientConfig {
  return { options: keepaliveOptions(options), statement_timeout: statementTimeoutMs };
}
