import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import { firstRelease, secondRelease } from '../../support/fleet/notes-release.js';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, dropEverything, TestApp, type TestTenant } from '../../support/test-app.js';

let database: TestDatabase;
let former: TestApp;
let newer: TestApp;
let log = '';
const tenants: TestTenant[] = [];

const output = new Writable({
  write(chunk: Buffer, _encoding, done) {
    log += chunk.toString();
    done();
  },
});

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  former = await TestApp.over(database, {}, undefined, firstRelease());
  for (const isolation of ['row', 'schema', 'database'] as Isolation[]) {
    tenants.push(await former.provision(`${isolation}-tenant`, isolation));
  }
  newer = await TestApp.over(database, { LOG_LEVEL: 'info' }, output, secondRelease());
});
afterAll(async () => {
  await former.stop();
  await newer.stop();
  await dropEverything(database);
});

async function ready(app: TestApp): Promise<unknown[]> {
  const { status, body } = await app.call('/health/ready');
  return [status, body.details.tenantTables.status];
}

async function statuses(app: TestApp): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { apiKey } of tenants) {
    const { status } = await app.call('/api/v1/notes', { apiKey });
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

it('new code that is started before its migration is not ready, so that a rollout by readiness stops, until it is migrated', async () => {
  // What a load balancer does: requests go to the newest instance that is ready.
  const routed: Record<number, number> = {};
  const done = new AbortController();
  const balancer = (async () => {
    while (!done.signal.aborted) {
      const [status] = await ready(newer);
      for (const [code, n] of Object.entries(await statuses(status === 200 ? newer : former))) {
        routed[Number(code)] = (routed[Number(code)] ?? 0) + n;
      }
    }
  })();
  expect(await ready(newer)).toEqual([503, 'down']);
  expect(await ready(former)).toEqual([200, 'up']);
  expect(await statuses(newer)).toEqual({ 503: 3 });
  const start = performance.now();
  await newer.call('/admin/v1/operations', { method: 'POST', apiKey: ADMIN_KEY, body: { kind: 'migrate' } });
  await soon(async () => expect(await ready(newer)).toEqual([200, 'up']));
  const seconds = (performance.now() - start) / 1_000;
  await soon(async () => expect(await statuses(newer)).toEqual({ 200: 3 }));
  done.abort();
  await balancer;
  expect(Object.keys(routed)).toEqual(['200']); // none was sent to an instance that could not serve it
  expect(log).toContain('lack migrations that this code needs');
  printFaultRow({
    fault: 'new code started before `migrate`',
    callers: `0 of ${routed[200]} requests failed where readiness decides; at the new instance itself 503 \`TENANT_UNAVAILABLE\``,
    probes: '503 (`tenantTables`) at the new instance, 200 at the former; live 200',
    operators:
      'WARN `Not served: the tables of 3 of 3 active tenants lack migrations that this code needs`; `doctor` fails (`migrations`)',
    lasts: `until \`migrate\` has run: ready ${seconds.toFixed(1)} s after it was requested`,
  });
});
