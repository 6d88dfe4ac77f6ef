import { fileURLToPath } from 'node:url';
import { run } from './commands.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const JEST = [
  ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'],
  ...['-c', 'test/jest.config.mjs', '--selectProjects', 'packages', '--runInBand', '--testPathPatterns'],
];

/** Runs the specs of a folder beside this file against the source, on the libraries that its lock file installs. */
export async function runSpecsWithLibraries(name) {
  const folder = `test/packages/${name}`;
  // Prisma's generator asks for a program that it does not use, and would download it.
  const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' };
  const host = { cwd: ROOT, env: { ...process.env, ...env } };
  await run('npm', ['ci', '--silent', '--ignore-scripts', '--prefix', folder], host);
  await run('npm', ['run', '--silent', '--if-present', 'generate', '--prefix', folder], host);
  await run('npx', ['--no-install', 'tsc', '-p', folder], host);
  await runSpecs(name, env);
}

/** Runs the specs of a folder beside this file. */
export async function runSpecs(name, env) {
  const options = { cwd: ROOT, env: { ...process.env, ...env }, timeoutMs: 1_800_000 };
  console.log((await run(process.execPath, [...JEST, `/test/packages/${name}/`], options)).output);
}
