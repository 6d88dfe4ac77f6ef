import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { run, Service } from './commands.mjs';
import { settings } from './check-cell.mjs';
import { writeHost } from './host-files.mjs';

/** What a new team would choose. */
const CELL = { nest: '12', http: 'express', format: 'esm', typeorm: '1', node: '22', typescript: '6.0' };

/**
 * From an empty folder to the first answer to a tenant, beside a PostgreSQL that runs already.
 *
 * @returns the steps with their durations in ms
 */
export async function timeToFirstAnswer({ folder, tarball, databaseUrl, env }) {
  const steps = [];
  const host = { cwd: folder, env: { ...env, ...settings(databaseUrl) } };
  const step = async (name, work) => {
    const startedAt = performance.now();
    const result = await work();
    steps.push({ name, ms: performance.now() - startedAt });
    return result;
  };
  mkdirSync(folder, { recursive: true });
  await step('npm install', async () => {
    writeHost(folder, CELL, tarball);
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], host);
  });
  await step('compile', () => run('npx', ['--no-install', 'tsc', '-p', '.'], host));
  const key = await step('tenant and key', () => createTenant(host));
  const service = await step('start', () =>
    Service.start('node', ['dist/main.js'], { ...host, ready: /listening on (\S+)/ }),
  );
  try {
    await step('answer', () => assertAnswer(service.match[1], key));
  } finally {
    await service.stop();
  }
  return steps;
}

async function createTenant(host) {
  const tenantry = (...args) => run('npx', ['--no-install', 'tenantry', ...args], host);
  await tenantry('tenants', 'create', 'acme', '--isolation', 'row');
  return JSON.parse((await tenantry('keys', 'create', 'acme', '--json')).stdout).token;
}

async function assertAnswer(url, key) {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${url}/notes`, { headers, signal: AbortSignal.timeout(20_000) });
  assert.deepEqual(await response.json(), { tenant: 'acme', notes: [] });
}
