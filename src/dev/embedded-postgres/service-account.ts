import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { NoServiceAccountError } from './embedded.errors.js';

/** The account that PostgreSQL runs as under root, which PostgreSQL itself does not allow. */
export interface ServiceAccount {
  readonly uid: number;
  readonly gid: number;
}

// `_postgres` is part of macOS.
const CANDIDATES = ['postgres', '_postgres', 'nobody'] as const;

/**
 * Finds the account to run PostgreSQL as; undefined means the current user, for every user except root.
 *
 * Existing data keeps its owner: an ordinary user may have created it before the first run with sudo.
 *
 * @throws NoServiceAccountError
 */
export async function findServiceAccount(dataOwner: ServiceAccount | undefined): Promise<ServiceAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  if (dataOwner && dataOwner.uid !== 0) return dataOwner;
  for (const name of CANDIDATES) {
    const account = await findUser(name);
    if (account) return account;
  }
  throw new NoServiceAccountError(CANDIDATES);
}

/** Uses `id` instead of /etc/passwd, because the user may come from a directory service. */
async function findUser(name: string): Promise<ServiceAccount | undefined> {
  const id = async (option: string): Promise<number> =>
    Number((await promisify(execFile)('id', [option, name])).stdout);
  try {
    return { uid: await id('-u'), gid: await id('-g') };
  } catch {
    return undefined; // no such user
  }
}

/**
 * Options for spawning PostgreSQL's programs, with their own directory and environment: the account may be unable to
 * enter the current directory, and the environment contains the application's secrets and possibly PG* variables for
 * another server.
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
    // English messages and UTC everywhere; on macOS the server does not start without LC_ALL.
    env: { PATH, LC_ALL: 'C', TZ: 'UTC', ...(windows && { SystemRoot, TEMP }) },
    ...(account && { uid: account.uid, gid: account.gid }),
  };
}

export interface RunResult {
  /** Null when the program was ended by a signal. */
  readonly exitCode: number | null;
  /** Lines of standard output and standard error, interleaved. */
  readonly output: readonly string[];
}

/** Runs a program to completion as the account. Rejects only when it cannot be started (ENOENT, EACCES, EPERM). */
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

/** Checked by a process of that account: mode bits do not cover ACLs, mounts and parent folders. */
export async function canWriteIn(account: ServiceAccount | undefined, directory: string): Promise<boolean> {
  if (!account) return true; // the current user has just created or entered it
  const probe = await runAs(account, '/bin/sh', ['-c', '[ -w "$0" ] && [ -x "$0" ]', directory]);
  return probe.exitCode === 0;
}
