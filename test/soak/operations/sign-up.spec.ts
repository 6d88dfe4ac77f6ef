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

/** Parts of a sign-up, in ms; `read` is one of the catalog, to compare with. */
interface Parts {
  readonly create: number;
  readonly key: number;
  readonly firstRequest: number;
  readonly read: number;
}

async function signUp(call: Call, slug: string, isolation: string): Promise<Parts> {
  const times = [performance.now()];
  const { body } = await call('POST', '/admin/v1/tenants', ADMIN_KEY, { slug, isolation });
  for (let { operation } = body; operation.status !== 'succeeded';) {
    operation = (await call('GET', `/admin/v1/operations/${operation.id}`, ADMIN_KEY)).body;
    expect(['pending', 'running', 'succeeded']).toContain(operation.status);
  }
  times.push(performance.now());
  const issued = await call('POST', `/admin/v1/tenants/${slug}/api-keys`, ADMIN_KEY, {});
  times.push(performance.now());
  const { status } = await call('GET', '/notes', issued.body.token);
  expect(status).toBe(200);
  times.push(performance.now());
  await call('GET', `/admin/v1/tenants/${slug}`, ADMIN_KEY);
  times.push(performance.now());
  const [create = 0, key = 0, firstRequest = 0, read = 0] = times.slice(1).map((time, n) => time - (times[n] ?? 0));
  return { create, key, firstRequest, read };
}

async function signUps(host: HostApplication, isolation: string): Promise<Parts[]> {
  const parts: Parts[] = [];
  for (let n = 0; n < SIGN_UPS; n++) parts.push(await signUp(caller(host), `${isolation}-${n}`, isolation));
  return parts;
}

function medianOf(parts: readonly Parts[], value: (part: Parts) => number): number {
  return parts.map(value).toSorted((a, b) => a - b)[Math.floor(parts.length / 2)] ?? 0;
}

/** Without the key, which an application with users of its own does not need. */
function totalOf({ create, firstRequest }: Parts): number {
  return create + firstRequest;
}

function report(title: string, parts: readonly Parts[]): string {
  const ms = (value: (part: Parts) => number): string => `${medianOf(parts, value).toFixed(0)} ms`;
  return (
    `${title}: sign-up and first request, median ${ms(totalOf)} (created and served ${ms((part) => part.create)}, ` +
    `first request ${ms((part) => part.firstRequest)}; meanwhile a read of the catalog ${ms((part) => part.read)})`
  );
}

it.each(ISOLATIONS)(
  'a sign-up with a spare tenant takes a fraction of one without, its first request included (%s)',
  async (isolation) => {
    while (!(await areReady())) await delay(100); // within the test's time limit
    const spare = await signUps(spareHost, isolation);
    const without = await signUps(plainHost, isolation);
    console.log([report(`${isolation}, spare`, spare), report(`${isolation}, none`, without)].join('\n'));
    expect(medianOf(spare, totalOf)).toBeLessThan(medianOf(without, totalOf) / 2);
  },
  LONGEST_MS,
);
