import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 2_000;

/** Connects to the server on this machine; returns the error, instead of rejecting, when that fails. */
export async function connectAsSuperuser(
  port: number,
  password: string,
): Promise<Client | (Error & { code?: string })> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'postgres',
    ssl: false,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => {}); // the pending query rejects with the same error
  try {
    await client.connect();
    return client;
  } catch (error) {
    return error as Error;
  }
}
