import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { SecretsFileLockedError } from './data-dir.errors.js';
import { isAlive } from '../is-alive.js';
import { processWide } from '../process-wide.js';
import { systemCode } from './system-error.js';

const DEADLINE_MS = 5_000;
const RETRY_MS = 20;

/** The lock files that this process holds, whichever copy of this package has taken them. */
const heldHere = processWide('lock-files', () => new Set<string>());

/**
 * Runs `work` under an exclusive lock file. The file names its holder, so that the lock of a process that died is
 * broken instead of blocking every later start.
 *
 * Blocks the thread, so it is for startup only, before the process serves requests.
 *
 * @throws SecretsFileLockedError when a live holder, or one on another machine, keeps the lock for `deadlineMs`
 */
export function withLockFile<T>(path: string, work: () => T, deadlineMs = DEADLINE_MS): T {
  const deadline = performance.now() + deadlineMs;
  while (!tryLockFile(path)) {
    if (performance.now() > deadline) throw new SecretsFileLockedError(path);
    sleep(RETRY_MS);
  }
  try {
    return work();
  } finally {
    releaseLockFile(path);
  }
}

/** Takes the lock, to be released with `releaseLockFile`; otherwise breaks it when its holder has died. @returns whether it is held */
export function tryLockFile(path: string): boolean {
  if (tryCreate(path)) {
    heldHere.add(path);
    return true;
  }
  breakIfAbandoned(path);
  return false;
}

export function releaseLockFile(path: string): void {
  rmSync(path, { force: true });
  heldHere.delete(path);
}

/**
 * Only the creator of the second file breaks the lock: two breakers could remove a lock that was just acquired again.
 */
function breakIfAbandoned(path: string): void {
  const breaker = `${path}.break`;
  if (!isAbandoned(path) || !tryCreate(breaker)) return;
  try {
    if (isAbandoned(path)) rmSync(path, { force: true });
  } finally {
    rmSync(breaker);
  }
}

function tryCreate(path: string): boolean {
  try {
    writeFileSync(path, `${hostname()} ${process.pid}`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function isAbandoned(path: string): boolean {
  const [host, pid] = holder(path).split(' ');
  if (host !== hostname()) return false;
  // Our own process id in a lock that we do not hold: the container was restarted, and process ids start from 1 again.
  return Number(pid) === process.pid ? !heldHere.has(path) : !isAlive(Number(pid));
}

function holder(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
