import { createHash, randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { createFolder } from '../../platform/data-dir/data-dir.js';
import { releaseLockFile, tryLockFile } from '../../platform/data-dir/exclusive-lock-file.js';
import { parseJson } from '../../platform/parse-json.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import {
  ForeignFolderError,
  PortTakenError,
  SharedStartLockedError,
  SharingUnsupportedError,
} from './embedded.errors.js';
import { Lifeline } from './lifeline.js';
import { freePort } from './server-start.js';

/** A PostgreSQL that the processes of a project share. It ends with the last of them. */
export interface SharedPostgres {
  /** As the owner, a role with CREATEDB and CREATEROLE; contains the password. */
  readonly url: string;
  /** This process needs it no longer. A process that ends releases it, too. */
  release(): void;
}

export interface SharingOptions {
  /** Processes in the same folder share a server. */
  readonly project: string;
  /** How long the server waits for the next process of a run, such as that of the next test file. Default: 10. */
  readonly lingerSeconds?: number;
  /** How long another process may take to start it. Default: 120000. */
  readonly startTimeoutMs?: number;
}

const LINGER_SECONDS = 10;
const START_ATTEMPTS = 3;
/** Starting takes seconds. */
const START_TIMEOUT_MS = 120_000;
const RETRY_MS = 50;
const CURRENT = 'current.json';

/** Its data is removed when it stops, so nothing is written to the disk for a crash. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' };

/** Errors of a server that is stopping or has stopped; any other answer shows that it runs. */
const GONE = new Set(['57P03', '57P01', 'ECONNREFUSED', 'ECONNRESET']);

/**
 * The server of the project: the one that runs, else one that this call starts, listening on 127.0.0.1 only. Its data is in a
 * folder of the system's temporary folder that only this user may read.
 *
 * @throws the errors in embedded.errors.ts
 */
export async function joinSharedPostgres({
  project,
  lingerSeconds = LINGER_SECONDS,
  startTimeoutMs = START_TIMEOUT_MS,
}: SharingOptions): Promise<SharedPostgres> {
  if (process.platform === 'win32') throw new SharingUnsupportedError();
  const folder = folderOf(project);
  const running = await joinRunning(folder);
  if (running) return running;
  const joinOrStart = async (): Promise<SharedPostgres> => (await joinRunning(folder)) ?? start(folder, lingerSeconds);
  return underStartLock(join(folder, 'starting'), startTimeoutMs, joinOrStart);
}

/** @throws SharedStartLockedError */
async function underStartLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  while (!tryLockFile(path)) {
    if (performance.now() > deadline) throw new SharedStartLockedError(path);
    await delay(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    releaseLockFile(path);
  }
}

/** @throws ForeignFolderError when another user has made it, and could name a server of their own in it */
function folderOf(project: string): string {
  const { uid } = userInfo();
  const name = createHash('sha256').update(project).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `tenantry-shared-${uid}-${name}`);
  createFolder(folder);
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) throw new ForeignFolderError(folder);
  return folder;
}

async function joinRunning(folder: string): Promise<SharedPostgres | undefined> {
  const current = parseJson(await readFile(join(folder, CURRENT), 'utf8').catch(() => 'null'));
  if (!current) return undefined;
  const { url, lifeline: path } = current as { readonly url: string; readonly lifeline: string };
  const lifeline = Lifeline.join(path);
  if (!lifeline) return undefined;
  if (await isRunning(url)) return { url, release: () => lifeline.release() };
  lifeline.release();
  return undefined;
}

/** Asked after the lifeline is held: it may have been stopping already. */
async function isRunning(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {}); // the pending query rejects with the same error
  try {
    await client.connect();
    await client.query('SELECT');
    return true;
  } catch (error) {
    return !GONE.has((error as { readonly code?: string }).code ?? '');
  } finally {
    await client.end().catch(() => {});
  }
}

async function start(folder: string, lingerSeconds: number): Promise<SharedPostgres> {
  await removeEnded(folder);
  for (let attempts = 1; ; attempts++) {
    try {
      return await startOnce(folder, lingerSeconds);
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempts === START_ATTEMPTS) throw error;
    }
  }
}

async function startOnce(folder: string, lingerSeconds: number): Promise<SharedPostgres> {
  const dataDir = join(folder, `server-${randomBytes(4).toString('hex')}`);
  createFolder(dataDir);
  const path = join(dataDir, 'lifeline');
  const lifeline = await Lifeline.create(path, lingerSeconds);
  try {
    const password = (): string => randomBytes(24).toString('base64url');
    const passwords = { superuser: password(), owner: password() };
    const port = await freePort();
    const { url } = await EmbeddedPostgres.start({ dataDir, passwords, port, settings: SETTINGS, lifeline });
    const written = join(dataDir, CURRENT);
    await writeFile(written, JSON.stringify({ url, lifeline: path }), { mode: 0o600 });
    await rename(written, join(folder, CURRENT));
    return { url, release: () => lifeline.release() };
  } catch (error) {
    lifeline.release();
    throw error;
  }
}

/** The folders of servers that have stopped; their data they have removed themselves. */
async function removeEnded(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('server-')) continue;
    const lifeline = Lifeline.join(join(folder, name, 'lifeline'));
    if (lifeline) lifeline.release();
    else await rm(join(folder, name), { recursive: true, force: true });
  }
}
