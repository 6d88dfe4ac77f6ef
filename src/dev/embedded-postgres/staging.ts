import { randomBytes } from 'node:crypto';
import { readdir, readlink, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../../platform/is-alive.js';

/*
 * Multi-step results are built under a staging name and renamed when complete, so that a crash leaves nothing that a
 * later start would mistake for complete. The name contains the process id: a later start removes the leftovers of dead
 * processes and keeps those of an instance that is starting right now.
 */

/** Retries, because children of a killed process may still be writing for a moment. */
const REMOVE = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const;

/** Returns a new path in the folder, `<name>.staging-<pid>-<random>`, without creating it. */
export function stagingPath(folder: string, name: string): string {
  return join(folder, `${name}.staging-${process.pid}-${randomBytes(4).toString('hex')}`);
}

/** Removes what dead processes left under staging names for `name`. */
export async function removeAbandoned(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(`${name}.staging-`)) continue;
    const pid = Number(entry.slice(`${name}.staging-`.length).split('-')[0]);
    if (!isAlive(pid)) await removeStaging(join(folder, entry));
  }
}

/** Removes a staging folder; when it is a link, its target as well. */
export async function removeStaging(path: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined); // EINVAL: not a link
  if (target !== undefined) {
    await rm(target, REMOVE);
    await unlink(path);
    return;
  }
  await rm(path, REMOVE);
}
