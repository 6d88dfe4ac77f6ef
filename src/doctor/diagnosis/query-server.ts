import pg from 'pg';
import { withCatalogSchema } from '../../catalog/catalog-schema.js';
import { type ConnectionTarget, sessionTarget } from '../../database/connection/connection-target.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import { atPrimary, type ConnectionConfig } from '../../database/connection/read-write-client.js';
import { clientConfig } from '../../database/connection/client-config.js';

/** Short, because the doctor is run when something is wrong. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Per statement. */
export const ANSWER_TIMEOUT_MS = 15_000;
const MAX_CONNECTIONS = 3;

/** Runs statements, several concurrently. */
export type Queryable = Pick<pg.Pool, 'query'>;

/**
 * Runs `work` with a new, direct connection to a server, around any pooler.
 *
 * @throws the errors of node-postgres, including a timeout of `ANSWER_TIMEOUT_MS` per statement
 */
export function queryServer<T>(
  target: ConnectionTarget,
  options: PoolOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return runConnected(doctorConfig(sessionTarget(target), options), work);
}

/** The same through the pooler in front of the target, or on its admin console. */
export function queryPooler<T>(
  target: ConnectionTarget,
  options: PoolOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return runConnected(doctorConfig(target, options), work);
}

async function runConnected<T>(config: ConnectionConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(await atPrimary(config));
  client.on('error', () => undefined); // the pending query rejects with the same error
  try {
    await client.connect();
    return await work(client);
  } finally {
    void client.end().catch(() => undefined); // not awaited: a frozen server never closes the connection
  }
}

/** The same to the catalog, over a small pool, for checks that run concurrently. @see queryServer */
export async function queryCatalog<T>(
  target: ConnectionTarget,
  options: PoolOptions,
  schema: string,
  work: (catalog: Queryable) => Promise<T>,
): Promise<T> {
  const config = withCatalogSchema(await atPrimary(doctorConfig(sessionTarget(target), options)), schema);
  const pool = new pg.Pool({ ...config, max: MAX_CONNECTIONS });
  pool.on('error', () => undefined); // an idle connection that breaks is replaced
  try {
    return await work(pool);
  } finally {
    void pool.end().catch(() => undefined);
  }
}

function doctorConfig(target: ConnectionTarget, options: PoolOptions): ConnectionConfig {
  const { statement_timeout: _serverSide, ...config } = clientConfig(target, options);
  return {
    ...config,
    application_name: 'tenantry doctor',
    connectionTimeoutMillis: Math.min(options.connectTimeoutMs, CONNECT_TIMEOUT_MS),
    query_timeout: ANSWER_TIMEOUT_MS,
  };
}
