import type { ConnectionTarget } from '../../../database/connection/connection-target.js';
import type { PoolOptions } from '../../../database/pool/pool-options.js';
import { queryPooler } from '../../diagnosis/query-server.js';

/** Settings of PgBouncer that are 0 where a vanished client or server is noticed only after the system's two hours. */
const POOLER_SETTINGS: ReadonlyMap<string, number> = new Map([
  ['tcp_keepalive', 1],
  ['tcp_keepidle', 5],
  ['tcp_keepintvl', 3],
  ['tcp_keepcnt', 3],
  ['tcp_user_timeout', 15_000],
]);
/** PostgreSQL's own, which direct connections set for themselves. */
const SERVER_SETTING = 'client_connection_check_interval';
const SERVER_VALUE_MS = 2_000;

/** What stands for the keepalive of direct connections, for messages. */
export const KEEPALIVE_SETTINGS = [...POOLER_SETTINGS.keys(), `PostgreSQL's ${SERVER_SETTING}`].join(', ');

/**
 * The keepalive settings that are off in PgBouncer and the PostgreSQL behind it, as they should be set.
 *
 * @param target behind the pooler
 * @param console the pooler's admin console
 * @throws the errors of node-postgres, when the console does not admit this role
 */
export async function missingKeepalive(
  target: ConnectionTarget,
  console: ConnectionTarget,
  options: PoolOptions,
): Promise<string[]> {
  const config = await queryPooler(console, options, async (client) => {
    const { rows } = await client.query<{ key: string; value: string }>('SHOW CONFIG');
    return rows.filter(({ key, value }) => POOLER_SETTINGS.has(key) && value === '0');
  });
  const interval = await queryPooler(target, options, async (client) => {
    const { rows } = await client.query<Record<string, string>>(`SHOW ${SERVER_SETTING}`);
    return rows[0]?.[SERVER_SETTING];
  });
  const missing = config.map(({ key }) => `${key} = ${POOLER_SETTINGS.get(key)}`);
  return interval === '0' ? [...missing, `PostgreSQL's ${SERVER_SETTING} = ${SERVER_VALUE_MS}`] : missing;
}
