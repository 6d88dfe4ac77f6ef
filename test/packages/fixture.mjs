import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './commands.mjs';
import { settings } from './check-cell.mjs';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const INSTALL = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];

/**
 * Installs the package in a copy of the application, compiles it, and runs its tests.
 *
 * @param versions the folder of another manifest and lock file, for other versions of what the application depends on
 * @returns what the tests printed
 */
export async function checkFixture(name, { folder, tarball, databaseUrl, env, versions = '.' }) {
  const isOwn = (path) => !['node_modules', 'dist'].includes(path.slice(join(FOLDER, name).length + 1).split('/')[0]);
  cpSync(join(FOLDER, name), folder, { recursive: true, filter: isOwn });
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(FOLDER, name, versions, file), join(folder, file));
  const host = { cwd: folder, env: { ...env, ...settings(databaseUrl), NODE_ENV: 'test' } };
  await run('npm', ['ci', ...INSTALL], host);
  await run('npm', ['install', '--no-save', ...INSTALL, tarball], host);
  await run('npm', ['run', 'build'], host);
  const { stdout } = await run('npm', ['test'], { ...host, timeoutMs: 900_000 });
  return stdout;
}
