import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { ADMIN_KEY, dropEverything, type Json } from '../../support/test-app.js';

const MAIN = fileURLToPath(new URL('../../support/hooks/hooked-main.mjs', import.meta.url));
const LONGEST_MS = 120_000;

let database: TestDatabase;
let folder: string;
let gate: string;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  folder = await mkdtemp(join(tmpdir(), 'tenantry-hooks-'));
  gate = join(folder, 'gate');
});

afterAll(async () => {
  await Promise.all([...Service.running].map((service) => service.kill()));
  await rm(folder, { recursive: true, force: true });
  await dropEverything(database);
});

function start(): Promise<Service> {
  return Service.start({ DATABASE_URL: database.url, HOOK_GATE: gate }, undefined, MAIN);
}

async function call(service: Service, method: string, path: string, body?: object): Promise<Json> {
  const response = await fetch(`${service.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return response.json();
}

async function customersOf({ database: name, schema }: Json): Promise<string[]> {
  const rows = await asSuperuser<{ name: string }>(name, `SELECT name FROM "${schema}".customers ORDER BY name`);
  return rows.map((row) => row.name);
}

it.each(['schema', 'database'])(
  'a hook whose process is killed in the middle is called again by another instance (%s)',
  async (isolation) => {
    await writeFile(gate, '');
    const first = await start();
    const { tenant, operation } = await call(first, 'POST', '/tenants', { slug: `killed-${isolation}`, isolation });
    let place: Json;
    await soon(async () => {
      place = await call(first, 'GET', `/tenants/${tenant.slug}`);
      expect(await customersOf(place)).toEqual(['attempt 1']);
    });
    expect(place.status).toBe('provisioning');
    await first.kill();
    await rm(gate);
    const second = await start();
    await soon(async () => {
      expect(await call(second, 'GET', `/operations/${operation.id}`)).toMatchObject({ status: 'succeeded' });
    });
    expect(await customersOf(place)).toEqual(['attempt 1', 'attempt 2']);
    expect((await call(second, 'GET', `/operations/${operation.id}/hooks`)).items).toMatchObject([
      { event: 'provisioned', hook: 'FirstCustomer', status: 'succeeded', attempts: 2, error: null },
    ]);
    expect((await call(second, 'GET', `/tenants/${tenant.slug}`)).status).toBe('active');
    await second.stop();
  },
  LONGEST_MS,
);
