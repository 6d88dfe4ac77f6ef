import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { callOnce } from '../../support/processes/keep-alive.js';
import { Service } from '../../support/processes/service.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, dropEverything, type Json } from '../../support/test-app.js';

const CARELESS_APP = fileURLToPath(new URL('../../support/processes/careless-app.mjs', import.meta.url));
const REJECTED = /^A promise rejected that is not awaited, in a call for tenant/;

let database: TestDatabase;
let service: Service;
let tenants: Json[];

beforeAll(async () => {
  database = await createTestDatabase('mistakes');
  const env = { DATABASE_URL: database.url, ENABLE_DEMO_TENANTS: 'true', NODE_OPTIONS: `--import ${CARELESS_APP}` };
  service = await Service.start(env);
  tenants = (JSON.parse(await readFile(join(service.dataDir, 'demo.json'), 'utf8')) as Json).tenants;
});

afterAll(async () => {
  await service.kill();
  await dropEverything(database);
});

const logged = (pattern: RegExp): Json[] => service.lines.filter(({ msg }) => pattern.test(msg));

it('a failing statement that is not awaited is logged with its tenant and call site, and counted; all are served', async () => {
  for (const { apiKey } of tenants) {
    expect((await callOnce(service.url, '/api/v1/customers', { apiKey })).status).toBe(200);
  }
  await soon(async () => expect(logged(REJECTED)).toHaveLength(tenants.length));
  const { body } = await callOnce(service.url, '/admin/v1/tenants', { apiKey: ADMIN_KEY });
  const ids = new Map<string, string>(body.items.map(({ slug, id }: Json) => [slug, id]));
  tenants.forEach(({ slug }, index) => {
    const line = logged(REJECTED)[index];
    expect(line).toMatchObject({
      level: 'error',
      msg: `A promise rejected that is not awaited, in a call for tenant ${ids.get(slug)}: division by zero`,
      stack: expect.stringMatching(/forgetsToAwait.*careless-app\.mjs/),
    });
  });
  const metrics = await fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  expect(await metrics.text()).toMatch(new RegExp(`^tenantry_unhandled_rejections_total ${tenants.length}$`, 'm'));
});

it("another tenant's manager answers 500 WRONG_TENANT, which is logged and tells the client nothing of that tenant", async () => {
  const [first, second] = tenants;
  const read = ({ apiKey }: Json): ReturnType<typeof callOnce> =>
    callOnce(service.url, `/api/v1/customers/${randomUUID()}`, { apiKey });
  expect((await read(first)).status).toBe(200);
  const { status, body } = await read(second);
  expect([status, body.code]).toEqual([500, 'WRONG_TENANT']);
  expect(body.detail).not.toMatch(/[0-9a-f]{8}-|acme|umbrella|globex|hooli|initech/);
  expect(logged(/failed with 500 WRONG_TENANT$/)).toMatchObject([
    { level: 'error', stack: expect.stringMatching(/tenant/) },
  ]);
});

it('an exception outside any promise is logged, and shuts the instance down in order', async () => {
  service.signal('SIGUSR2');
  expect(await service.ended()).toBe(1);
  expect(logged(/^Uncaught exception, shutting down$/)).toMatchObject([
    { level: 'fatal', stack: expect.stringContaining('throwsOutsideAnyPromise') },
  ]);
  expect(logged(/^All connection pools closed$/)).toHaveLength(1);
});
