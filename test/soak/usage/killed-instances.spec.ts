import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, dropEverything, type Json } from '../../support/test-app.js';

const TENANTS = 50;
const CLIENTS = 8;
const KILLS = 3;
const BETWEEN_KILLS_MS = 8_000;
/** A process writes every five seconds; it may be about to when it is killed, and its clients hear of answers a little later. */
const LAST_BATCH_MS = 6_000;

interface Answered {
  readonly slug: string;
  readonly by: Service;
  readonly atMs: number;
}

const agent = new Agent({ keepAlive: true });
const answered: Answered[] = [];
/** Requests whose connection was lost: the process may have counted them. */
const unanswered: string[] = [];
const killed: { readonly service: Service; readonly atMs: number }[] = [];
const keys = new Map<string, string>();

let database: TestDatabase;
let services: Service[];

beforeAll(async () => {
  database = await createTestDatabase('usage');
  services = [await start()];
  services.push(await start());
  const tenants = Array.from({ length: TENANTS }, (_, n) => ({ slug: `tenant-${n}`, isolation: 'row' }));
  await operate('/tenants/bulk', { tenants });
  await soon(async () => {
    const active = await database.admin<{ count: number }>(`SELECT count(*)::int FROM tenants WHERE status = 'active'`);
    expect(active).toEqual([{ count: TENANTS }]);
  });
  for (const { slug } of tenants) keys.set(slug, (await operate(`/tenants/${slug}/api-keys`, {})).token);
}, 240_000);

afterAll(async () => {
  agent.destroy();
  for (const service of services) await service.kill();
  await dropEverything(database);
});

function start(): Promise<Service> {
  return Service.start({ DATABASE_URL: database.url, LOG_LEVEL: 'info' });
}

async function operate(path: string, body: object): Promise<Json> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const answer = await fetch(`${services[0]!.url}/admin/v1${path}`, {
    ...{ method: 'POST', headers, body: JSON.stringify(body) },
  });
  expect(answer.ok).toBe(true);
  return answer.json();
}

async function ask(service: Service, slug: string): Promise<void> {
  try {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${keys.get(slug)}` };
      const call = request(`${service.url}/api/v1/tenant`, { agent, headers }, (response) => {
        response
          .resume()
          .once('end', () => resolve(response.statusCode))
          .once('error', reject);
      });
      call.once('error', reject).end();
    });
    expect(status).toBe(200);
    answered.push({ slug, by: service, atMs: performance.now() });
  } catch (error) {
    if (!services.includes(service)) unanswered.push(slug);
    else throw error;
  }
}

function numberOf(slugs: readonly string[]): Map<string, number> {
  const counts = new Map([...keys.keys()].map((slug) => [slug, 0]));
  for (const slug of slugs) counts.set(slug, counts.get(slug)! + 1);
  return counts;
}

it('usage of 50 tenants is what their clients have counted, but for the last batch of processes that were killed', async () => {
  const wanted = { load: true };
  const load = Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      for (let turn = client; wanted.load; turn += 1) {
        await ask(services[turn % services.length]!, `tenant-${(turn * 7) % TENANTS}`);
        await delay(2);
      }
    }),
  );
  for (let kill = 0; kill < KILLS; kill += 1) {
    await delay(BETWEEN_KILLS_MS);
    const service = services[kill % services.length]!;
    const successor = await start();
    services = services.map((each) => (each === service ? successor : each)); // before its connections are lost
    killed.push({ service, atMs: performance.now() });
    await service.kill();
  }
  await delay(BETWEEN_KILLS_MS);
  wanted.load = false;
  await load;
  for (const service of services) await service.stop(); // each writes its last batch
  services = [];

  const rows = await database.admin<{ slug: string; requests: number }>(
    `SELECT t.slug, sum(u.requests)::int AS requests FROM usage_hours u JOIN tenants t ON t.id = u.tenant_id GROUP BY t.slug`,
  );
  const stored = new Map(rows.map(({ slug, requests }) => [slug, requests]));
  const counted = numberOf(answered.map(({ slug }) => slug));
  const unsure = numberOf(unanswered);
  const inLastBatches = numberOf(
    answered
      .filter(({ by, atMs }) => killed.some((one) => one.service === by && atMs > one.atMs - LAST_BATCH_MS))
      .map(({ slug }) => slug),
  );
  const lost = [...counted].reduce((sum, [slug, count]) => sum + count - (stored.get(slug) ?? 0), 0);
  process.stderr.write(
    `${answered.length} answered, ${unanswered.length} without an answer, ${lost} not counted after ${KILLS} kills\n`,
  );
  expect(answered.length).toBeGreaterThan(TENANTS * 20);
  for (const [slug, count] of counted) {
    const requests = stored.get(slug) ?? 0;
    expect(requests).toBeLessThanOrEqual(count + unsure.get(slug)!);
    expect(requests).toBeGreaterThanOrEqual(count - inLastBatches.get(slug)!);
  }
  expect(lost).toBeGreaterThan(0); // else nothing was killed in time, and the bound above shows nothing
}, 180_000);
