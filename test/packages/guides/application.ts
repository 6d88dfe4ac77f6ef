import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runScript } from './script.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A reader's application, in a folder of its own, with the packed package beside its files. */
export class Application {
  private constructor(readonly folder: string) {}

  /** @param source folder of the repository with the application, such as `examples/smallest` */
  static async of(source: string): Promise<Application> {
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-guides-'));
    const isOwn = (path: string): boolean => !/[/\\](node_modules|dist)$/.test(path);
    await cp(join(ROOT, source), folder, { recursive: true, filter: isOwn });
    for (const name of ['tenantry-0.1.0.tgz', 'tenantry.tgz']) await copyFile(tarball(), join(folder, name));
    await runScript('npm install', { cwd: folder, env: {} });
    return new Application(folder);
  }

  run(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    return runScript(script, { cwd: this.folder, env });
  }

  read(file: string): Promise<string> {
    return readFile(join(this.folder, file), 'utf8');
  }

  async edit(file: string, from: string, to: string): Promise<void> {
    const text = await this.read(file);
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`);
    await writeFile(join(this.folder, file), text.replace(from, to));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What `npm run test:packages` has packed. */
function tarball(): string {
  const path = process.env['TENANTRY_TARBALL'];
  if (path === undefined) throw new Error('TENANTRY_TARBALL is not set: run "npm run test:packages -- guides"');
  return path;
}
