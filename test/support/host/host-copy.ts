import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A copy of one of the applications in `test/packages/init`, with a compiler and TypeORM in its node_modules. */
export class HostCopy {
  private constructor(readonly path: string) {}

  static async of(shape: 'commonjs' | 'esm' | 'monorepo'): Promise<HostCopy> {
    const path = await mkdtemp(join(tmpdir(), 'tenantry-init-'));
    await cp(join(ROOT, 'test/packages/init', shape), path, { recursive: true });
    await mkdir(join(path, 'node_modules'));
    for (const name of ['typescript', 'typeorm']) {
      await symlink(join(ROOT, 'node_modules', name), join(path, 'node_modules', name));
    }
    return new HostCopy(path);
  }

  read(name: string): Promise<string> {
    return readFile(join(this.path, name), 'utf8');
  }

  async write(name: string, content: string): Promise<void> {
    await mkdir(dirname(join(this.path, name)), { recursive: true });
    await writeFile(join(this.path, name), content);
  }

  /** The text of every file, by name; not those of node_modules. */
  async files(): Promise<Readonly<Record<string, string>>> {
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const own = paths
      .map((path) => path.slice(this.path.length + 1))
      .filter((name) => !name.startsWith('node_modules/'));
    return Object.fromEntries(await Promise.all(own.map(async (name) => [name, await this.read(name)] as const)));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
