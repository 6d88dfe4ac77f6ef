import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ConnectionPools } from '../../../src/database/pool/connection-pools.js';
import { mapConcurrently } from '../../../src/platform/map-concurrently.js';
import { callFor } from '../../support/load/counted-load.js';
import { soon } from '../../support/load/soon.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';

const TENANTS = 30;
const LIMIT = 20;
/** Notifications, health, two of the catalog, one of operations and one admin connection. */
const KEPT = 6;

let postgres: PrivatePostgres;
let app: TestApp;
let output: string;
let tenants: TestTenant[];

beforeAll(async () => {
  // Three more are for superusers only, and three are left for the ones that count.
  postgres = await PrivatePostgres.start({ max_connections: String(LIMIT + 6) });
  const { host, port } = postgres.address;
  const url = `postgres://tenantry:${encodeURIComponent(PASSWORDS.owner)}@${host}:${port}/tenantry`;
  const log = new PassThrough();
  log.on('data', (chunk: Buffer) => (output += chunk.toString()));
  output = '';
  const database = { name: 'tenantry', url, admin: postgres.admin.bind(postgres), drop: async () => undefined };
  app = await TestApp.over(database, { DB_SERVER_MAX_CONNECTIONS: String(LIMIT), LOG_LEVEL: 'info' }, log);
  const slugs = Array.from({ length: TENANTS }, (_, n) => `tenant-${n}`);
  tenants = await mapConcurrently(slugs, (slug) => app.provision(slug, 'database'));
}, 300_000);

afterAll(async () => {
  await app.stop();
  await postgres.stop();
}, 60_000);

async function connections(): Promise<number> {
  const [row] = await postgres.admin<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'postgres'`,
  );
  return row!.n;
}

const serverLimit = (): number | undefined => app.application.nest.get(ConnectionPools).snapshot().servers[0]?.limit;

it('operations, the catalog and more tenants than connections are all served within the limit', async () => {
  const samples: number[] = [];
  const test = { goesOn: true };
  const watched = (async () => {
    while (test.goesOn) samples.push(await connections());
  })();
  const requests = tenants.map(({ apiKey }) => ({ url: `${app.url}/api/v1/customers?limit=1`, apiKey }));
  const load = callFor(20_000, 60, requests);
  const slugs = Array.from({ length: 6 }, (_, n) => `late-${n}`);
  const late = await mapConcurrently(slugs, (slug) => app.provision(slug, 'database')); // meanwhile
  expect(late.map(({ status }) => status)).toEqual(slugs.map(() => 'active'));
  const answers = await load;
  test.goesOn = false;
  await watched;
  expect(answers).toEqual({ '200': answers['200'] });
  expect(samples.length).toBeGreaterThan(20);
  expect(Math.max(...samples)).toBeLessThanOrEqual(LIMIT);
  expect(Math.max(...samples)).toBeGreaterThan(LIMIT - 4); // tenants had what the others did not use
  expect(output).not.toMatch(/has no connection left/);
}, 120_000);

it('what operations and the catalog do not use is lent to tenants again', async () => {
  await soon(async () => expect(serverLimit()).toBe(LIMIT - KEPT));
}, 60_000);
