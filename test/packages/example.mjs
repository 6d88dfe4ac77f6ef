// `npm run test:example [-- --keep]`: examples/existing-app as it was, then with the packed package.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import startServices from '../support/start-services.mjs';
import stopServices from '../support/stop-services.mjs';
import { run, Service } from './commands.mjs';
import { createDatabase } from './databases.mjs';
import { environmentOf } from './node-versions.mjs';
import { Companies } from './companies.mjs';
import { packTarball } from './tarball.mjs';

const EXAMPLE = fileURLToPath(new URL('../../examples/existing-app', import.meta.url));
const NPM_INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
const ISOLATIONS = { acme: 'row', globex: 'schema', initech: 'database' };

const keep = process.argv.includes('--keep');
const folder = mkdtempSync(join(tmpdir(), 'tenantry-example-'));
const host = join(folder, 'existing-app');
let env;
try {
  await startServices();
  env = { ...(await environmentOf(process.versions.node.split('.')[0])), PORT: '0', SESSION_SECRET: 'of the example' };
  const [ownDatabase, catalog] = [await createDatabase('existing_app'), await createDatabase('catalog')];
  await step('as it was', () => asItWas({ DATABASE_URL: ownDatabase }));
  await step('with Tenantry', () =>
    withTenantry({ APP_DATABASE_URL: ownDatabase, DATABASE_URL: catalog, ENABLE_REDIS_CACHE: 'false' }),
  );
} finally {
  await stopServices();
  if (keep) console.log(`The application is kept in ${host}`);
  else rmSync(folder, { recursive: true, force: true });
}

async function asItWas(variables) {
  Object.assign(env, variables);
  cpSync(join(EXAMPLE, 'before'), host, { recursive: true, filter: isSource });
  await step('npm install', () => npm(...NPM_INSTALL));
  await step('nest build', () => npm('run', 'build'));
  await step('jest', test);
  await step('one list of projects for all users', async () => {
    await npm('run', 'seed');
    await withServer(async (companies) => {
      const [ada, eve] = [await companies.signIn('ada'), await companies.signIn('eve')];
      await companies.add(ada, undefined, 'Roof');
      assert.ok((await companies.names(eve)).includes('Roof'));
    });
  });
}

async function withTenantry(variables) {
  Object.assign(env, variables);
  await step('npm pack', async () => copyFileSync(await packTarball(folder, env), join(host, 'tenantry.tgz')));
  cpSync(join(EXAMPLE, 'after'), host, { recursive: true, filter: isSource });
  await step('npm install', () => npm(...NPM_INSTALL));
  await step('nest build', () => npm('run', 'build'));
  for (const [company, isolation] of Object.entries(ISOLATIONS)) {
    await step(`tenants create ${company} --isolation ${isolation}`, () =>
      tenantry('tenants', 'create', company, '--isolation', isolation),
    );
  }
  await step('copy-rows acme', () => run('node', ['dist/copy-rows', 'acme'], { cwd: host, env }));
  await step('tenants by membership and X-Tenant-ID', () => withServer(assertMemberships));
  await step('jest', test);
  await step('doctor', () => tenantry('doctor'));
}

async function assertMemberships(companies) {
  const [ada, bob, eve] = [await companies.signIn('ada'), await companies.signIn('bob'), await companies.signIn('eve')];
  await companies.add(bob, undefined, 'Bridge'); // of globex, his only company
  await companies.add(eve, 'initech', 'Cellar');
  assert.ok((await companies.names(ada, 'acme')).includes('Roof'), 'a copied row');
  assert.deepEqual(await companies.names(ada, 'globex'), ['Bridge']);
  assert.deepEqual(await companies.names(bob), ['Bridge']);
  assert.deepEqual(await companies.names(eve), ['Cellar']);
  assert.equal(await companies.status(eve, 'acme'), 403, 'no member');
  assert.equal(await companies.status(ada, undefined), 403, 'of two companies, without a choice');
  assert.equal(await companies.status(undefined, 'acme'), 401, 'not signed in');
  // The roles are the principal: an admin of acme is only a member of globex.
  const [bridge] = await companies.list(ada, 'globex');
  assert.equal(await companies.remove(ada, 'globex', bridge.id), 403);
  assert.equal(await companies.remove(bob, 'globex', bridge.id), 204);
}

async function withServer(work) {
  const service = await Service.start('node', ['dist/main'], { cwd: host, env, ready: /listening on (\S+)/ });
  try {
    await work(new Companies(service.match[1]));
  } finally {
    await service.stop();
  }
}

/** As in the application's own package.json: unit tests, then those over HTTP. */
async function test() {
  await npm('test');
  await npm('run', 'test:e2e');
}

function npm(...args) {
  return run('npm', args, { cwd: host, env });
}

function tenantry(...args) {
  return run('npx', ['--no-install', 'tenantry', ...args], { cwd: host, env });
}

async function step(name, work) {
  const startedAt = performance.now();
  await work();
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${name}`);
}

function isSource(path) {
  return !/[/\\](node_modules|dist)$/.test(path);
}
