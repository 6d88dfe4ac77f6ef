import { rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../../platform/is-alive.js';

const RETRY_MS = 50;
/** Starting takes seconds: an older lock belongs to another process that has been given the holder's id. */
const LONGEST_START_MS = 120_000;

/** Runs `work` in one process at a time; the lock of a process that has died is removed. */
export async function underStartLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  while (!tryCreate(path)) {
    if (await isAbandoned(path)) removeOnce(path);
    else await delay(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Only the creator of the second file removes the lock: another process could have acquired it again. */
function removeOnce(path: string): void {
  const remover = `${path}.remove`;
  if (!tryCreate(remover)) return;
  rmSync(path, { force: true });
  rmSync(remover, { force: true });
}

function tryCreate(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const content = await readFile(path, 'utf8').catch(() => undefined);
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  // An empty file is one that is just being written.
  return content !== undefined && ((content !== '' && !isAlive(Number(content))) || age > LONGEST_START_MS);
}
