import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DIST = join(ROOT, 'dist');

/** A folder with files of host applications, in which `tenantry` and its peers can be imported. */
export class HostFolder {
  private constructor(readonly path: string) {}

  static async create(files: Readonly<Record<string, string>>): Promise<HostFolder> {
    const path = await mkdtemp(join(tmpdir(), 'tenantry-host-'));
    const folder = new HostFolder(path);
    const entry = { name: 'tenantry', type: 'module', exports: './index.js' };
    await folder.write({ ...files, 'node_modules/tenantry/package.json': JSON.stringify(entry) });
    await folder.write({
      'node_modules/tenantry/index.js': `export * from ${JSON.stringify(join(DIST, 'index.js'))};`,
    });
    for (const peer of ['@nestjs', 'reflect-metadata']) {
      await symlink(join(ROOT, 'node_modules', peer), join(path, 'node_modules', peer));
    }
    return folder;
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(this.path, name)), { recursive: true });
      await writeFile(join(this.path, name), content);
    }
  }

  /** Runs a compiled file of Tenantry, or a script of this folder, in one of its folders. */
  async run(
    folder: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, args, { cwd: join(this.path, folder), env: { PATH, HOME, ...env } });
    child.stdin.end();
    const ended = once(child, 'close') as Promise<[number | null]>;
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, stdout, stderr };
  }

  /** `npx tenantry …` in one of its folders. */
  tenantry(folder: string, args: readonly string[], env?: Readonly<Record<string, string>>) {
    return this.run(folder, [join(DIST, 'bin.js'), ...args], env);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Where the compiled sources are, for scripts of a host's folder. */
export const compiled = (file: string): string => join(DIST, file);
