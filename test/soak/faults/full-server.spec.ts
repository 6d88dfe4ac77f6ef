import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mapConcurrently } from '../../../src/platform/map-concurrently.js';
import { callFor, describeAnswers } from '../../support/load/counted-load.js';
import { printFaultRow } from '../../support/load/fault-row.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { Service } from '../../support/processes/service.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';

const TENANTS = 40;
const BURST = { ms: 15_000, callers: 120 };
const AFTERWARDS = { ms: 10_000, callers: 4 };

let postgres: PrivatePostgres;
let env: Record<string, string>;
let tenants: TestTenant[];
let services: Service[] = [];

beforeAll(async () => {
  postgres = await PrivatePostgres.start({ max_connections: '100' });
  const { host, port } = postgres.address;
  const url = `postgres://tenantry:${encodeURIComponent(PASSWORDS.owner)}@${host}:${port}/tenantry`;
  const admin = postgres.admin.bind(postgres);
  const app = await TestApp.over({ name: 'tenantry', url, admin, drop: async () => undefined });
  const slugs = Array.from({ length: TENANTS }, (_, n) => `tenant-${n}`);
  tenants = await mapConcurrently(slugs, (slug) => app.provision(slug, 'database'));
  const { DATA_DIR: _, LOG_LEVEL: __, ...settings } = app.env;
  env = settings;
  await app.stop();
}, 300_000);

afterAll(() => postgres.stop());

async function serve(settings: Record<string, string>): Promise<void> {
  services = await Promise.all([1, 2].map(() => Service.start({ ...env, ...settings, LOG_LEVEL: 'info' })));
}

async function stop(): Promise<string> {
  const output = services.map((service) => service.output).join('\n');
  await Promise.all(services.map((service) => service.stop()));
  return output;
}

function requests(): { url: string; apiKey: string }[] {
  return tenants.flatMap(({ apiKey }) =>
    services.map(({ url }) => ({ url: `${url}/api/v1/customers?limit=1`, apiKey })),
  );
}

async function ready(): Promise<string> {
  const answers = await Promise.all(services.map(({ url }) => fetch(`${url}/health/ready`)));
  return answers.map(({ status }) => status).join(', ');
}

it('two instances that are lent 180 connections of 97 serve every caller after a burst, without a restart', async () => {
  await postgres.admin("UPDATE servers SET max_connections = 184 WHERE name = 'default'"); // by mistake
  await serve({ DB_SERVER_MAX_CONNECTIONS: '90' });
  const burst = await callFor(BURST.ms, BURST.callers, requests());
  const probes = await ready();
  const afterwards = await callFor(AFTERWARDS.ms, AFTERWARDS.callers, requests());
  const output = await stop();
  printFaultRow({
    fault: '`max_connections` exceeded: two instances that are lent 180 of 97, 40 database tenants, 120 callers',
    callers: `burst: ${describeAnswers(burst)}; four callers afterwards: ${describeAnswers(afterwards)}`,
    probes: `\`/health/ready\` ${probes}`,
    operators: '`has no connection left (max_connections)`; `tenantry_server_connections_limit` falls, and rises again',
    lasts: 'as long as the burst',
  });
  expect(afterwards).toEqual({ '200': afterwards['200'] });
  expect(output).toMatch(/has no connection left \(max_connections\)/); // the fault happened
}, 120_000);

it('two instances and a third one with their defaults never meet a full server', async () => {
  await postgres.admin("UPDATE servers SET max_connections = NULL WHERE name = 'default'");
  await serve({});
  services.push(await Service.start({ ...env, LOG_LEVEL: 'info' }));
  const burst = await callFor(BURST.ms, BURST.callers, requests());
  const output = await stop();
  expect(burst).toEqual({ '200': burst['200'] });
  expect(output).not.toMatch(/has no connection left/);
}, 120_000);
