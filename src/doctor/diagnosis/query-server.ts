import pg from 'pg';
import { type ConnectionTarget, sessionTarget } from '../../database/connection/connection-target.js';
import { clientConfig, type PoolOptions } from '../../database/pool/pool-options.js';

/** The doctor is asked when something is wrong: nothing is waited for for long. */
const CONNECT_TIMEOUT_MS = 5_000;
export const ANSWER_TIMEOUT_MS = 15_000;
const SIDE_BY_SIDE = 3;

/** Where statements can be sent to, several at a time. */
export type Questions = Pick<pg.Pool, 'query'>;

/**
 * Asks a server something, over a connection of its own and around a pooler.
 *
 * @throws the errors of node-postgres; after `ANSWER_TIMEOUT_MS` for each statement
 */
export async function queryServer<T>(
  target: ConnectionTarget,
  options: PoolOptions,
  question: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(doctorConfig(target, options));
  client.on('error', () => undefined); // the statement that waits on it is told
  try {
    await client.connect();
    return await question(client);
  } finally {
    void client.end().catch(() => undefined); // a frozen server says no good-bye
  }
}

/** The same over a few connections, for checks that run beside each other. */
export async function queryInParallel<T>(
  target: ConnectionTarget,
  options: PoolOptions,
  questions: (server: Questions) => Promise<T>,
): Promise<T> {
  const pool = new pg.Pool({ ...doctorConfig(target, options), max: SIDE_BY_SIDE });
  pool.on('error', () => undefined); // an idle one is opened anew
  try {
    return await questions(pool);
  } finally {
    void pool.end().catch(() => undefined);
  }
}

function doctorConfig(target: ConnectionTarget, options: PoolOptions): pg.ClientConfig {
  const { statement_timeout: _server, ...config } = clientConfig(sessionTarget(target), options);
  return {
    ...config,
    application_name: 'tenantry doctor',
    connectionTimeoutMillis: Math.min(options.connectTimeoutMs, CONNECT_TIMEOUT_MS),
    query_timeout: ANSWER_TIMEOUT_MS,
  };
}
