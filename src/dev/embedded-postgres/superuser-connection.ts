import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 2_000;

/** A connection to the server on this machine, or why there is none. */
export async function connectAsSuperuser(
  port: number,
  password: string,
): Promise<Client | (Error & { code?: string })> {
  const client = new Client({
    ...{ host: '127.0.0.1', port, user: 'postgres', password, database: 'postgres', ssl: false },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => {}); // the query that runs into it is rejected with it
  try {
    await client.connect();
    return client;
  } catch (error) {
    return error as Error;
  }
}
