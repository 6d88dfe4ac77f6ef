import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './commands.mjs';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));

/**
 * The environment for a host's commands: the wanted Node first in PATH, and nothing of the npm that runs this script.
 * The binaries come from the npm package `node`, and are kept for the next run.
 */
export async function environmentOf(major) {
  const { PATH, ...env } = withoutNpm(process.env);
  return { ...env, PATH: `${await folderOfNode(major, { ...env, PATH })}${delimiter}${PATH}` };
}

/** Variables of npm would redirect the host's own npm; those of Jest and Node would change the processes. */
function withoutNpm(env) {
  const isForeign = (name) => /^npm_(?!config_(cache|registry)$)/i.test(name) || name === 'NODE_OPTIONS';
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isForeign(name)));
}

async function folderOfNode(major, env) {
  if (process.versions.node.startsWith(`${major}.`)) return dirname(process.execPath);
  const folder = join(CACHE, `node-${major}`);
  const bin = join(folder, 'node_modules', 'node', 'bin');
  if (!existsSync(join(bin, 'node'))) {
    mkdirSync(folder, { recursive: true });
    const args = ['install', '--prefix', folder, '--no-save', '--foreground-scripts', `node@${major}`];
    await run('npm', args, { cwd: folder, env });
  }
  return bin;
}
