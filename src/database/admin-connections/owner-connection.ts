import pg from 'pg';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { clientConfig, type PoolOptions } from '../pool/pool-options.js';

/**
 * Runs `work` on a connection of its own with the role that owns databases and tables. Locks taken on it end with it.
 * Without statement deadlines: creating a database or waiting for another migration takes the time it takes.
 */
export async function withOwner<T>(
  owner: ConnectionTarget,
  options: PoolOptions,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  const { statement_timeout: _server, query_timeout: _client, ...connection } = clientConfig(owner, options);
  const client = new pg.Client({ ...connection, application_name: 'tenantry owner' });
  client.on('error', () => undefined); // the statement that waits on it is told
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}
