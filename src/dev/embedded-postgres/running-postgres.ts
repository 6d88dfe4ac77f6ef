import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { findData, unusable } from './data-directory.js';
import { PasswordRejectedError, StartTimeoutError } from './embedded.errors.js';
import type { EmbeddedPostgresOptions } from './embedded-postgres.js';
import { OWNER } from './owner-database.js';
import { isAlive } from './staging.js';
import { connectAsSuperuser } from './superuser-connection.js';

/** An embedded PostgreSQL that another process of this machine has started, and stops. */
export interface RunningPostgres {
  /** As the owner of the database `tenantry`; holds the password. */
  readonly url: string;
}

/** How long a server that has just been started may take until it lets the owner in. */
const READY_WITHIN_MS = 15_000;
const RETRY_MS = 100;
const LEFT_WITHIN_MS = 30_000;
/** https://www.postgresql.org/docs/18/storage-file-layout.html: process, data, start time, port, … */
const PORT_LINE = 3;

/**
 * The server that runs on the data in `dataDir`; undefined when none does. It is neither started nor stopped here.
 *
 * @throws PasswordRejectedError, StartTimeoutError (it is there and lets nobody in), DataDirectoryUnusableError
 */
export async function runningPostgres({
  dataDir,
  passwords,
}: Pick<EmbeddedPostgresOptions, 'dataDir' | 'passwords'>): Promise<RunningPostgres | undefined> {
  const data = await findData(dataDir);
  if (!data) return undefined;
  for (const deadline = performance.now() + READY_WITHIN_MS; ; await delay(RETRY_MS)) {
    const port = await portOf(data.path);
    if (port === undefined) return undefined; // no process, or a crash left its file behind
    const tried = await connectAsSuperuser(port, passwords.superuser);
    if (tried instanceof Client) {
      const owner = encodeURIComponent(passwords.owner);
      const isOurs = await isReadyOn(tried, data.path);
      if (isOurs === 'ready') return { url: `postgres://${OWNER}:${owner}@127.0.0.1:${port}/${OWNER}` };
      if (isOurs === 'other') return undefined; // both its process id and its port are other ones' by now
    } else if (tried.code === 'ECONNREFUSED') {
      return undefined; // likewise; or it does not listen yet, and then starting our own finds the data in use
    } else if (tried.code === '28P01') {
      throw new PasswordRejectedError(data.name, tried);
    }
    if (performance.now() > deadline) throw new StartTimeoutError(READY_WITHIN_MS, tried);
  }
}

const OTHERS = `
  SELECT count(*)::int AS others FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/** Resolves when nobody else is connected, or after half a minute. */
export async function othersHaveLeft(superuserUrl: string): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  client.on('error', () => {}); // the query that runs into it is rejected with it
  await client.connect();
  try {
    for (const deadline = performance.now() + LEFT_WITHIN_MS; performance.now() < deadline; await delay(RETRY_MS)) {
      const { rows } = await client.query<{ others: number }>(OTHERS);
      if (rows[0]?.others === 0) return;
    }
  } finally {
    await client.end();
  }
}

/** Undefined without the file that a running server keeps, while it is being written, and when its process is gone. */
async function portOf(dataPath: string): Promise<number | undefined> {
  const file = join(dataPath, 'postmaster.pid');
  try {
    const lines = (await readFile(file, 'utf8')).split('\n');
    const [pid, port] = [Number(lines[0]), Number(lines[PORT_LINE])];
    return port > 0 && pid > 0 && isAlive(pid) ? port : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, error);
  }
}

/** `starting` until the process that started it has made the owner's database. */
async function isReadyOn(client: Client, dataPath: string): Promise<'ready' | 'starting' | 'other'> {
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
