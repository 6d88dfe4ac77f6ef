import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient } from '../../support/admin/admin-client.js';
import { AcknowledgedRows } from '../../support/load/acknowledged-rows.js';
import { CheckedLoad } from '../../support/load/checked-load.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { type Json, TestApp } from '../../support/test-app.js';

let app: TestApp;
let other: TestApp;
let admin: AdminClient;
let acme: AcknowledgedRows;
let umbrella: AcknowledgedRows;
let acmeId: string;

beforeAll(async () => {
  app = await TestApp.start();
  other = await TestApp.over(app.database);
  admin = new AdminClient(app);
  const tenant = await app.provision('acme', 'row');
  acmeId = tenant.id;
  acme = new AcknowledgedRows('acme', tenant.apiKey);
  umbrella = new AcknowledgedRows('umbrella', (await app.provision('umbrella', 'row')).apiKey);
  for (const tenant of [acme, umbrella]) await tenant.fill(app.url);
});
afterAll(async () => {
  await other.stop();
  await app.dispose();
});

/** Requests an operation and waits for its end, however long it takes on a busy machine. */
async function operate(path: string, body?: object): Promise<Json> {
  const requested = await admin.send('POST', `/tenants/acme/${path}`, { ...(body && { body }) });
  expect([requested.status, requested.text]).toEqual([202, expect.any(String)]);
  for (let n = 0; n < 600; n += 1) {
    const { body: operation } = await admin.get(requested.headers.get('location') ?? '');
    if (!['pending', 'running'].includes(operation.status)) return operation;
    await delay(100);
  }
  const { body: operation } = await admin.get(requested.headers.get('location') ?? '');
  throw new Error(`${path} has not ended: ${JSON.stringify(operation)}`);
}

const succeeded = { status: 'succeeded', error: null };

async function underLoad(work: () => Promise<void>): Promise<void> {
  const load = new CheckedLoad(
    new Map([
      ['a', app.url],
      ['b', other.url],
    ]),
    [acme, umbrella],
    8,
  );
  try {
    await load.phase('before', 50);
    await work();
    await load.phase('after', 50);
  } finally {
    await load.stop();
  }
  expect(load.faults).toEqual([]);
  expect(await acme.differences(app.url)).toEqual([]);
  expect(await umbrella.differences(other.url)).toEqual([]);
}

/** A move that was taken back is cleared away by an operation of its own. */
async function idle(): Promise<void> {
  for (let n = 0; n < 1_200; n += 1) {
    const { body } = await admin.get('/operations');
    if (!body.items.some(({ status }: Json) => ['pending', 'running'].includes(status))) return;
    await delay(100);
  }
  throw new Error('an operation has not ended');
}

const rowsIn = async (table: string): Promise<number> => {
  const [row] = await asSuperuser<{ rows: number }>(
    `${app.database.name}_shared`,
    `SELECT count(*)::int AS rows FROM ${table} WHERE tenant_id = '${acmeId}'`,
  );
  return row!.rows;
};

it.each(['schema', 'database', 'row'] as const)(
  'a tenant moves to another isolation (%s), back, there again for good, and is served all the time',
  async (isolation) => {
    const { isolation: former } = (await admin.get('/tenants/acme')).body;
    await underLoad(async () => {
      for (const [path, body, goal] of [
        ['move', { isolation }, isolation],
        ['move/back', undefined, former],
        ['move', { isolation }, isolation],
        ['move/finish', undefined, isolation],
      ] as const) {
        const operation = await operate(path, body);
        process.stderr.write(`${path} ${goal}: ${JSON.stringify(operation.result)}\n`);
        expect(operation).toMatchObject(succeeded);
        expect((await admin.get('/tenants/acme')).body).toMatchObject({ isolation: goal, status: 'active' });
        await idle();
      }
    });
    if (isolation !== 'row') expect(await rowsIn('shared.customers')).toBe(0);
    const [left] = await app.database.admin<{ moves: number }>('SELECT count(*)::int AS moves FROM moves');
    expect(left).toEqual({ moves: 0 });
  },
  600_000,
);
