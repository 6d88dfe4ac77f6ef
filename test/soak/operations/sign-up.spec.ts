import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { HostApplication } from '../../support/host/host-application.js';
import { ADMIN_KEY, type Json } from '../../support/test-app.js';

const SIGN_UPS = 8;
const ISOLATIONS = ['schema', 'database'] as const;
const LONGEST_MS = 300_000;

let spareHost: HostApplication;
let plainHost: HostApplication;

beforeAll(async () => {
  const env = { SPARE_TENANTS: ISOLATIONS.map((isolation) => `${isolation}:${SIGN_UPS}`).join(',') };
  spareHost = await HostApplication.start({ adapter: 'fastify', env });
  plainHost = await HostApplication.start({ adapter: 'fastify' });
}, LONGEST_MS);
afterAll(async () => {
  await spareHost?.dispose();
  await plainHost?.dispose();
});

type Call = (method: string, path: string, key: string, body?: object) => Promise<{ status: number; body: Json }>;

function caller(host: HostApplication): Call {
  return async (method, path, key, body) => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await host.fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, body: await response.json() };
  };
}

/** Of all isolations: what is still being provisioned would take part in the measurement. */
async function areReady(): Promise<boolean> {
  const ready = await spareHost.database.admin(
    `SELECT FROM tenants WHERE spare_server_id IS NOT NULL AND schema_version IS NOT NULL`,
  );
  return ready.length === SIGN_UPS * ISOLATIONS.length;
}

/** From the request that creates the tenant to the answer to its own first request, in ms. */
async function signUp(call: Call, slug: string, isolation: string): Promise<number> {
  const startedAt = performance.now();
  const { body } = await call('POST', '/admin/v1/tenants', ADMIN_KEY, { slug, isolation });
  const issued = await call('POST', `/admin/v1/tenants/${slug}/api-keys`, ADMIN_KEY, {});
  for (let { operation } = body; operation.status !== 'succeeded';) {
    operation = (await call('GET', `/admin/v1/operations/${operation.id}`, ADMIN_KEY)).body;
    expect(['pending', 'running', 'succeeded']).toContain(operation.status);
  }
  const { status } = await call('GET', '/notes', issued.body.token);
  expect(status).toBe(200);
  return performance.now() - startedAt;
}

async function medianOf(host: HostApplication, isolation: string): Promise<number> {
  const call = caller(host);
  const durations: number[] = [];
  for (let n = 0; n < SIGN_UPS; n++) durations.push(await signUp(call, `${isolation}-${n}`, isolation));
  return durations.toSorted((a, b) => a - b)[Math.floor(SIGN_UPS / 2)] ?? 0;
}

it.each(ISOLATIONS)(
  'a sign-up with a spare tenant takes a fraction of one without, its first request included (%s)',
  async (isolation) => {
    while (!(await areReady())) await delay(100); // within the test's time limit
    const spare = await medianOf(spareHost, isolation);
    const without = await medianOf(plainHost, isolation);
    console.log(
      `${isolation}: sign-up and first request, median ${spare.toFixed(0)} ms; without spare ${without.toFixed(0)} ms`,
    );
    expect(spare).toBeLessThan(without / 2);
  },
  LONGEST_MS,
);
