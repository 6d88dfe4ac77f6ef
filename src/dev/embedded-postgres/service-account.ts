import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { NoServiceAccountError } from './embedded.errors.js';

/** Whom PostgreSQL runs as when we are root, which it refuses. */
export interface ServiceAccount {
  readonly uid: number;
  readonly gid: number;
}

// `_postgres` comes with macOS.
const CANDIDATES = ['postgres', '_postgres', 'nobody'] as const;

/**
 * The account to run PostgreSQL as; undefined means as ourselves, which is right for everybody but root.
 *
 * Data that exists keeps its owner: it may have been created by an ordinary user before somebody used sudo.
 *
 * @throws NoServiceAccountError
 */
export async function serviceAccount(dataOwner: ServiceAccount | undefined): Promise<ServiceAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  if (dataOwner && dataOwner.uid !== 0) return dataOwner;
  for (const name of CANDIDATES) {
    const account = await lookUp(name);
    if (account) return account;
  }
  throw new NoServiceAccountError(CANDIDATES);
}

/** `id` rather than /etc/passwd: the user may come from a directory service. */
async function lookUp(name: string): Promise<ServiceAccount | undefined> {
  const id = async (option: string): Promise<number> =>
    Number((await promisify(execFile)('id', [option, name])).stdout);
  try {
    return { uid: await id('-u'), gid: await id('-g') };
  } catch {
    return undefined; // no such user
  }
}

/**
 * How to spawn PostgreSQL's programs. The current directory may be one that the account cannot enter, and the
 * environment holds the application's secrets and perhaps PG* variables of the user's own server.
 */
export function spawnOptions(account: ServiceAccount | undefined): {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
} {
  const { PATH, SystemRoot, TEMP } = process.env;
  const windows = process.platform === 'win32';
  return {
    cwd: windows ? process.cwd() : '/',
    // English messages and UTC wherever we run; macOS refuses to start the server without LC_ALL.
    env: { PATH, LC_ALL: 'C', TZ: 'UTC', ...(windows && { SystemRoot, TEMP }) },
    ...(account && { uid: account.uid, gid: account.gid }),
  };
}

export interface RunResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  /** Standard output and error, as they came. */
  readonly output: readonly string[];
}

/** Runs a program to its end as the account. Rejects only when it cannot be started at all (ENOENT, EACCES, EPERM). */
export function runAs(account: ServiceAccount | undefined, program: string, args: string[]): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...spawnOptions(account), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    }
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output: output.trimEnd().split('\n') }));
  });
}

/** Asked of the kernel as that account: mode bits alone say nothing about ACLs, mounts and the folders above. */
export async function mayWriteIn(account: ServiceAccount | undefined, directory: string): Promise<boolean> {
  if (!account) return true; // we have just created or entered it ourselves
  const probe = await runAs(account, '/bin/sh', ['-c', '[ -w "$0" ] && [ -x "$0" ]', directory]);
  return probe.exitCode === 0;
}
