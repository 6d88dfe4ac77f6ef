import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { findData, toDataDirectoryError } from './data-directory.js';
import { PasswordRejectedError, StartTimeoutError } from './embedded.errors.js';
import type { EmbeddedPostgresOptions } from './embedded-postgres.js';
import { OWNER } from './owner-database.js';
import { isAlive } from '../../platform/is-alive.js';
import { connectAsSuperuser } from './superuser-connection.js';

/** An embedded PostgreSQL owned by another process on this machine. */
export interface RunningPostgres {
  /** URL of the database `tenantry` for its owner; contains the password. */
  readonly url: string;
}

/** How long a server that is still starting may take to accept the owner's connection. */
const READY_WITHIN_MS = 15_000;
const RETRY_MS = 100;
const DISCONNECT_WITHIN_MS = 30_000;
/** https://www.postgresql.org/docs/18/storage-file-layout.html: process, data, start time, port, … */
const PORT_LINE = 3;

/**
 * Finds the server running on the data in `dataDir`; undefined when there is none. Neither starts nor stops it.
 *
 * @throws PasswordRejectedError, StartTimeoutError (it runs but does not accept connections),
 * DataDirectoryUnusableError
 */
export async function findRunningPostgres({
  dataDir,
  passwords,
}: Pick<EmbeddedPostgresOptions, 'dataDir' | 'passwords'>): Promise<RunningPostgres | undefined> {
  const data = await findData(dataDir);
  if (!data) return undefined;
  for (const deadline = performance.now() + READY_WITHIN_MS; ; await delay(RETRY_MS)) {
    const port = await portOf(data.path);
    if (port === undefined) return undefined; // no process, or a crash left its PID file behind
    const connected = await connectAsSuperuser(port, passwords.superuser);
    if (connected instanceof Client) {
      const owner = encodeURIComponent(passwords.owner);
      const state = await stateOf(connected, data.path);
      if (state === 'ready') return { url: `postgres://${OWNER}:${owner}@127.0.0.1:${port}/${OWNER}` };
      if (state === 'other') return undefined; // both its process id and its port now belong to other processes
    } else if (connected.code === 'ECONNREFUSED') {
      return undefined; // likewise; or it is not listening yet, and starting a second one will find the data in use
    } else if (connected.code === '28P01') {
      throw new PasswordRejectedError(data.name, connected);
    }
    if (performance.now() > deadline) throw new StartTimeoutError(READY_WITHIN_MS, connected);
  }
}

const COUNT_OTHER_CLIENTS = `
  SELECT count(*)::int AS others FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/** Resolves when no other client is connected, or after a while. */
export async function waitForOtherClients(superuserUrl: string, withinMs = DISCONNECT_WITHIN_MS): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  client.on('error', () => {}); // the pending query rejects with the same error
  await client.connect();
  try {
    for (const deadline = performance.now() + withinMs; performance.now() < deadline; await delay(RETRY_MS)) {
      const { rows } = await client.query<{ others: number }>(COUNT_OTHER_CLIENTS);
      if (rows[0]?.others === 0) return;
    }
  } finally {
    await client.end();
  }
}

/** Port from the server's PID file; undefined when the file is missing or incomplete, or its process is gone. */
async function portOf(dataPath: string): Promise<number | undefined> {
  const file = join(dataPath, 'postmaster.pid');
  try {
    const lines = (await readFile(file, 'utf8')).split('\n');
    const [pid, port] = [Number(lines[0]), Number(lines[PORT_LINE])];
    return port > 0 && pid > 0 && isAlive(pid) ? port : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw toDataDirectoryError(file, error);
  }
}

/**
 * `starting` until the owning process has created the owner's database; `other` for an unrelated server on that port.
 */
async function stateOf(client: Client, dataPath: string): Promise<'ready' | 'starting' | 'other'> {
  try {
    const { rows } = await client.query<{ data: string; ready: boolean }>(
      `SELECT current_setting('data_directory') AS data,
              EXISTS (SELECT FROM pg_database WHERE datname = $1) AS ready`,
      [OWNER],
    );
    if (rows[0]?.data !== dataPath) return 'other';
    return rows[0].ready ? 'ready' : 'starting';
  } finally {
    await client.end();
  }
}
