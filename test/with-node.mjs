// `npm run test:node -- <major> [jest options]`: `npm test` under another Node, whose binary comes from the npm package `node`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [major, ...options] = process.argv.slice(2);
if (!/^\d+$/.test(major ?? '')) {
  console.error('Usage: npm run test:node -- <major version> [options of jest]');
  process.exit(2);
}

const folder = join(ROOT, 'node_modules', '.cache', `node-${major}`);
const bin = join(folder, 'node_modules', 'node', 'bin');
if (!existsSync(join(bin, 'node'))) {
  mkdirSync(folder, { recursive: true });
  run('npm', ['install', '--prefix', folder, '--no-save', '--foreground-scripts', `node@${major}`]);
}
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
run('node', ['--version'], env);
run(
  'node',
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    ...['-c', 'test/jest.config.mjs', '--selectProjects', 'unit', 'integration', 'e2e', ...options],
  ],
  env,
);

function run(command, args, environment = process.env) {
  const { status } = spawnSync(command, args, { cwd: ROOT, env: environment, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
