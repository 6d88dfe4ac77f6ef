import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { chmod, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(64 * 1024, 'x');
const PAGE = Buffer.alloc(4 * 1024, 'x');

/** A disk of its own, in memory, for a test to fill. Only root may mount one, and not in every container. */
export class SmallDisk {
  private constructor(readonly path: string) {}

  /** @returns undefined where this is not allowed */
  static async mount(megabytes: number): Promise<SmallDisk | undefined> {
    const path = await mkdtemp(join(tmpdir(), 'tenantry-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tenantry-test', path], { stdio: 'ignore' });
    } catch {
      await rmdir(path);
      return undefined;
    }
    await chmod(path, 0o755);
    return new SmallDisk(path);
  }

  /** Fills the disk to the last byte. */
  fill(): void {
    const file = openSync(join(this.path, 'filler'), 'a');
    for (const piece of [CHUNK, PAGE]) while (written(file, piece));
    closeSync(file);
  }

  async free(): Promise<void> {
    await rm(join(this.path, 'filler'), { force: true });
  }

  async unmount(): Promise<void> {
    execFileSync('umount', ['-l', this.path]);
    await rmdir(this.path);
  }
}

function written(file: number, piece: Buffer): boolean {
  try {
    return writeSync(file, piece) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
