import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FURTHER_ENTRIES } from '../../package/manifest.mjs';
import { asksForEverything } from './cells.mjs';
import { run, Service } from './commands.mjs';
import { writeHost } from './host-files.mjs';

const ENTRY_POINTS = ['tenantry', ...FURTHER_ENTRIES.map((entry) => `tenantry/${entry}`)];
/** What an entry point needs besides the package's required peers. */
const OPTIONAL_PEER_OF = {
  'tenantry/rest': '@nestjs/swagger',
  'tenantry/bullmq': 'bullmq',
};
const ISOLATIONS = ['row', 'schema', 'database'];
/** What npm prints about peers: a conflict that it overrides, or one that it cannot solve. */
const PEER_WARNING = /peer|ERESOLVE|EBADENGINE.*tenantry/i;

/**
 * Installs the package in a host application of this combination, and shows that it works.
 *
 * @param onStep is given the name of each step and its duration in ms
 * @returns the versions that npm chose
 */
export async function checkCell(cell, { folder, tarball, databaseUrl, env, onStep }) {
  mkdirSync(folder, { recursive: true });
  writeHost(folder, cell, tarball);
  const host = { cwd: folder, env: { ...env, ...settings(databaseUrl) } };
  const step = async (name, work) => {
    const startedAt = performance.now();
    await work();
    onStep(name, performance.now() - startedAt);
  };
  await step('install', () => installHost(host));
  await step('load', () => loadEntryPoints(host, cell));
  await step('compile', () => run('npx', ['--no-install', 'tsc', '-p', '.'], host));
  await step('serve', () => serve(host, cell));
  if (cell.format === 'cjs') await step('tests', () => runJest(host, cell));
  return installedVersions(folder);
}

/** Variables of a host. */
export function settings(databaseUrl) {
  return {
    DATABASE_URL: databaseUrl,
    ENCRYPTION_KEYS: `test:${randomBytes(32).toString('base64')}`,
    ADMIN_API_KEY: randomBytes(16).toString('hex'),
    ENABLE_REDIS_CACHE: 'false',
    EMBEDDED_POSTGRES: 'false',
  };
}

/** @throws when npm warns about peers */
export async function installHost(host) {
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { output } = await run('npm', args, host);
  assert.doesNotMatch(output, PEER_WARNING, 'npm warns about peers');
  await run('npm', ['ls'], host); // fails for a peer that is missing or of a wrong version
}

/**
 * Every entry point loads both ways, whichever format the host has, and is the same package: an application in CommonJS may have
 * ES modules, and the other way round. Those with a peer that the host lacks fail for that peer.
 */
async function loadEntryPoints(host, cell) {
  const lacking = asksForEverything(cell) ? {} : OPTIONAL_PEER_OF;
  for (const name of ENTRY_POINTS) {
    const print = 'console.log(Object.keys(loaded).filter((name) => name !== "default").sort().join())';
    const ways = [`const loaded = require('${name}'); ${print}`, `import('${name}').then((loaded) => ${print})`];
    const loads = ways.map((script) => run('node', ['-e', script], host));
    if (name in lacking) {
      const missing = new RegExp(`Cannot find (module|package) '${lacking[name]}'`);
      await Promise.all(loads.map((load) => assert.rejects(load, missing)));
    } else {
      const [required, imported] = await Promise.all(loads);
      assert.notEqual(required.stdout.trim(), '', name);
      assert.equal(required.stdout, imported.stdout, name);
    }
  }
}

async function serve(host, cell) {
  const keys = await provision(host);
  const service = await Service.start('node', ['dist/main.js'], { ...host, ready: /listening on (\S+)/ });
  try {
    await assertIsolation(service.match[1], keys);
    if (asksForEverything(cell)) {
      await assertEverything(service.match[1], host.env.ADMIN_API_KEY);
      await assertJobs(service.match[1], keys);
    }
  } catch (error) {
    throw new Error(`${error.message}\n${service.printed.output.slice(-4000)}`, { cause: error });
  } finally {
    await service.stop();
  }
  return cell;
}

/** One tenant per isolation, named after it. @returns their API keys */
async function provision(host) {
  const tenantry = (...args) => run('npx', ['--no-install', 'tenantry', ...args], host);
  const keys = new Map();
  for (const isolation of ISOLATIONS) {
    await tenantry('tenants', 'create', isolation, '--isolation', isolation);
    const { stdout } = await tenantry('keys', 'create', isolation, '--json');
    keys.set(isolation, JSON.parse(stdout).token);
  }
  return keys;
}

async function assertIsolation(url, keys) {
  const call = async (path, { key, text } = {}) => {
    const response = await fetch(url + path, {
      method: text === undefined ? 'GET' : 'POST',
      headers: { ...(key && { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
      ...(text !== undefined && { body: JSON.stringify({ text }) }),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, body: await response.json() };
  };
  assert.deepEqual(await call('/hello'), { status: 200, body: { hello: 'world' } });
  assert.equal((await call('/notes')).status, 401, 'without credentials');
  assert.equal((await call('/notes', { key: 'tnt_wrong' })).status, 401, 'with a wrong key');
  const added = [...keys].map(([tenant, key]) => call('/notes', { key, text: `of ${tenant}` }));
  for (const { status, body } of await Promise.all(added)) assert.equal(status, 201, JSON.stringify(body));
  const lists = [...keys].map(async ([tenant, key]) => [tenant, await call('/notes', { key })]);
  for (const [tenant, list] of await Promise.all(lists)) {
    assert.deepEqual(list, { status: 200, body: { tenant, notes: [`of ${tenant}`] } });
    const route = await call('/notes/1/tenant', { key: keys.get(tenant) });
    assert.deepEqual(route, { status: 200, body: { tenant, id: '1' } }, 'a route for all methods');
  }
}

/** What `controlPlane`, `health`, `metrics` and `tenantry/rest` add. */
async function assertEverything(url, adminKey) {
  const call = (path, init = {}) => fetch(url + path, { ...init, signal: AbortSignal.timeout(20_000) });
  const asAdmin = { headers: { authorization: `Bearer ${adminKey}` } };
  assert.equal((await call('/admin/v1/tenants')).status, 401, 'the control plane without credentials');
  const { items } = await (await call('/admin/v1/tenants', asAdmin)).json();
  assert.deepEqual(new Set(items.map(({ slug }) => slug)), new Set(ISOLATIONS));
  assert.equal((await call('/health')).status, 200);
  assert.match(await (await call('/metrics', asAdmin)).text(), /tenantry_http_requests_total\{.*route="\/notes"/);
  const invalid = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":""}' };
  const refused = await call('/echo', invalid);
  assert.deepEqual([refused.status, (await refused.json()).code], [400, 'VALIDATION_FAILED']);
}

/** What `tenantry/bullmq` and `tenantry/pg-boss` add: jobs run in the context of the tenant that has asked for them. */
async function assertJobs(url, keys) {
  for (const [tenant, key] of keys) {
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${url}/jobs`, { method: 'POST', headers, signal: AbortSignal.timeout(20_000) });
    assert.deepEqual(await response.json(), { bullmq: tenant, pgBoss: tenant });
  }
}

/** As `npm test` of `nest new` starts it: NestJS 12 is ES modules, which Jest loads with this option only. */
async function runJest(host, { nest }) {
  const options = nest === '12' ? ['--experimental-vm-modules'] : [];
  const { output } = await run('node', [...options, 'node_modules/jest/bin/jest.js'], host);
  assert.match(output, /Tests: +2 passed, 2 total/);
}

/** Of what the table shows. */
export function installedVersions(folder) {
  const versionOf = (name) =>
    JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
  return { nest: versionOf('@nestjs/core'), typeorm: versionOf('typeorm'), typescript: versionOf('typescript') };
}
