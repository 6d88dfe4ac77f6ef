import assert from 'node:assert/strict';
import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settings } from './check-cell.mjs';
import { run, Service } from './commands.mjs';
import { createDatabase } from './databases.mjs';
import { environmentOf } from './node-versions.mjs';

const EXAMPLE = fileURLToPath(new URL('../../examples/smallest', import.meta.url));
const TENANTS = { acme: 'row', globex: 'row', initech: 'database' };

/** examples/smallest with the packed package: a note of one tenant is no other tenant's. */
export async function checkSmallest({ folder, tarball }) {
  const host = join(folder, 'smallest');
  const databaseUrl = await createDatabase('smallest');
  const env = { ...(await environmentOf('22')), ...settings(databaseUrl), PORT: '0' };
  const npm = (...args) => run('npm', args, { cwd: host, env });
  const tenantry = (...args) => run('npx', ['--no-install', 'tenantry', ...args], { cwd: host, env });
  cpSync(EXAMPLE, host, { recursive: true });
  copyFileSync(tarball, join(host, 'tenantry.tgz'));
  await npm('install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts');
  await npm('run', 'build');
  const keys = {};
  for (const [slug, isolation] of Object.entries(TENANTS)) {
    await tenantry('tenants', 'create', slug, '--isolation', isolation);
    keys[slug] = JSON.parse((await tenantry('keys', 'create', slug, '--json')).stdout).token;
  }
  const service = await Service.start('node', ['dist/main.js'], { cwd: host, env, ready: /listening on (\S+)/ });
  try {
    const notes = new URL('/notes', service.match[1].replace('[::1]', 'localhost'));
    const headers = (slug) => ({ authorization: `Bearer ${keys[slug]}`, 'content-type': 'application/json' });
    const added = await fetch(notes, { method: 'POST', headers: headers('acme'), body: '{"text":"of acme"}' });
    assert.equal(added.status, 201);
    const texts = async (slug) =>
      (await (await fetch(notes, { headers: headers(slug) })).json()).map(({ text }) => text);
    assert.deepEqual([await texts('acme'), await texts('globex'), await texts('initech')], [['of acme'], [], []]);
  } finally {
    await service.stop();
  }
  console.log('passed  smallest');
}
