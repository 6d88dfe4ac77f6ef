import type pg from 'pg';

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
