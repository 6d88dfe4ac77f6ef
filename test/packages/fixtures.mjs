import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the specs of these folders, each on what its lock file installs. @returns the exit code */
export function runFixtures(names) {
  const unknown = names.filter((name) => !existsSync(new URL(`${name}/package-lock.json`, import.meta.url)));
  if (unknown.length > 0) {
    console.error(`No such fixture: ${unknown.join(', ')}`);
    return 2;
  }
  return names.every((name) => runFixture(name)) ? 0 : 1;
}

function runFixture(name) {
  const folder = `test/packages/${name}`;
  return (
    run('npm', ['ci', '--silent', '--ignore-scripts', '--prefix', folder]) &&
    run('npm', ['run', '--silent', '--if-present', 'generate', '--prefix', folder]) &&
    run('npx', ['--no-install', 'tsc', '-p', folder]) &&
    run(process.execPath, [
      ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'],
      ...[
        '-c',
        'test/jest.config.mjs',
        '--selectProjects',
        'packages',
        '--runInBand',
        '--testPathPatterns',
        `/${folder}/`,
      ],
    ])
  );
}

function run(command, args) {
  // Prisma's generator asks for a program that it does not use, and would download it.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' };
  return spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', env }).status === 0;
}
