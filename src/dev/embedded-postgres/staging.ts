import { randomBytes } from 'node:crypto';
import { readdir, readlink, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * What is built in several steps is built under a staging name and renamed when complete, so that a crash half-way
 * leaves nothing that a later start would trust. The name carries our process id: a later start removes what a dead
 * process left, and leaves alone what a copy that is starting right now is building.
 */

/** With retries: what a killed process was running may still be writing for a moment. */
const REMOVE = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const;

/** A new name in the folder: `<name>.staging-<pid>-<random>`. Nothing is created. */
export function stagingPath(folder: string, name: string): string {
  return join(folder, `${name}.staging-${process.pid}-${randomBytes(4).toString('hex')}`);
}

/** Removes what dead processes left under staging names of `name`. */
export async function removeAbandoned(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(`${name}.staging-`)) continue;
    const pid = Number(entry.slice(`${name}.staging-`.length).split('-')[0]);
    if (!isAlive(pid)) await removeStaging(join(folder, entry));
  }
}

/** Removes a staging folder; when it is a link, what it leads to as well. */
export async function removeStaging(path: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined); // EINVAL: no link
  if (target !== undefined) {
    await rm(target, REMOVE);
    await unlink(path);
    return;
  }
  await rm(path, REMOVE);
}

/** Whether a process of that number runs, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
