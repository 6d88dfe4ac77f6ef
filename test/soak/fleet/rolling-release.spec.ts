import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import type { RootModule } from '../../../src/server/server.module.js';
import { firstRelease, secondRelease } from '../../support/fleet/notes-release.js';
import { callInTurn } from '../../support/load/call-in-turn.js';
import { PacedLoad, percentile } from '../../support/load/paced-load.js';
import { soon } from '../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, dropEverything, TestApp, type TestTenant } from '../../support/test-app.js';

const INSTANCES = 3;
const TENANTS: readonly Isolation[] = [
  ...Array(20).fill('row'),
  ...Array(6).fill('schema'),
  ...Array(4).fill('database'),
];
const PER_SECOND = 60;
const NOTES = '/api/v1/notes';
/** A load balancer stops sending before an instance is stopped. */
const LEAVE_MS = 500;
const LONGEST_MS = 10 * 60_000;

let database: TestDatabase;
let agent: Agent;
let load: PacedLoad | undefined;
const tenants: TestTenant[] = [];
/** Those that run, and those that the load balancer sends to. */
const running = new Set<TestApp>();
const routed: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  agent = new Agent({ keepAlive: true });
  for (let n = 0; n < INSTANCES; n += 1) routed.push(await start(firstRelease()));
  for (const [n, isolation] of TENANTS.entries()) tenants.push(await routed[0]!.provision(`tenant-${n}`, isolation));
}, LONGEST_MS);

afterAll(async () => {
  await load?.stop();
  agent.destroy();
  for (const app of running) await app.stop();
  await dropEverything(database);
}, LONGEST_MS);

async function start(release: RootModule): Promise<TestApp> {
  const app = await TestApp.over(database, { DB_SERVER_MAX_CONNECTIONS: '30' }, undefined, release);
  running.add(app);
  return app;
}

async function isReady(app: TestApp): Promise<boolean> {
  return (await app.call('/health/ready')).status === 200;
}

async function leave(app: TestApp): Promise<void> {
  routed.splice(routed.indexOf(app), 1);
  await delay(LEAVE_MS);
  await app.stop();
  running.delete(app);
}

it(
  'three instances are replaced by a release with a migration, under load: no request fails, and no write is lost',
  async () => {
    const call = callInTurn(() => routed.map(({ url }) => url), agent);
    const written = new Map<TestTenant, number[]>(tenants.map((tenant) => [tenant, []]));
    let [writes, reads] = [0, 0];
    load = new PacedLoad(
      [
        [
          'write',
          async () => {
            const id = (writes += 1);
            const tenant = tenants[id % tenants.length]!;
            const fault = await call(tenant.apiKey, 201, NOTES, { id });
            if (fault === undefined) written.get(tenant)!.push(id);
            return fault;
          },
        ],
        ['read', () => call(tenants[(reads += 1) % tenants.length]!.apiKey, 200, NOTES)],
      ],
      PER_SECOND,
    );
    const former = [...routed];
    const startedAt = performance.now();
    await load.answered(PER_SECOND);

    const first = await start(secondRelease());
    expect(await isReady(first)).toBe(false); // its tables are missing a column
    const { body: operation } = await first.call('/admin/v1/operations', {
      ...{ method: 'POST', apiKey: ADMIN_KEY, body: { kind: 'migrate' } },
    });
    await soon(async () => {
      const { body } = await first.call(`/admin/v1/operations/${operation.id}`, { apiKey: ADMIN_KEY });
      expect(body.status).toBe('succeeded');
    }, LONGEST_MS);
    for (let replaced: TestApp | undefined = first; former.length > 0; replaced = undefined) {
      const newer = replaced ?? (await start(secondRelease()));
      await soon(async () => expect(await isReady(newer)).toBe(true), LONGEST_MS);
      routed.push(newer);
      await leave(former.shift()!);
      await load.answered(5 * PER_SECOND);
    }
    await load.answered(PER_SECOND);
    const seconds = (performance.now() - startedAt) / 1_000;
    await load.stop();

    const faults = load.seen.filter(({ fault }) => fault !== undefined);
    const p99 = percentile(
      load.seen.map(({ ms }) => ms),
      0.99,
    );
    process.stderr.write(
      `${load.seen.length} requests in ${seconds.toFixed(0)} s, ${faults.length} failed, p99 ${p99.toFixed(0)} ms\n`,
    );
    expect(faults).toEqual([]);
    expect(load.seen.length).toBeGreaterThan(10 * PER_SECOND);
    for (const [tenant, ids] of written) {
      const { body } = await routed[0]!.call(NOTES, { apiKey: tenant.apiKey });
      expect(body.map(({ id }: { id: number }) => id).toSorted((a: number, b: number) => a - b)).toEqual(ids);
      expect(body[0]).toHaveProperty('title');
    }
  },
  LONGEST_MS,
);
