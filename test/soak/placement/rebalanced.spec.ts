import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PacedLoad } from '../../support/load/paced-load.js';
import { soon } from '../../support/load/soon.js';
import { Operators } from '../../support/operations/operators.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import type { Json } from '../../support/test-app.js';

const LONGEST_MS = 15 * 60_000;
const TENANTS = 10;
const PER_SECOND = 20;

let operators: Operators;
let other: PrivatePostgres;
const keys = new Map<string, string>();
const acknowledged = new Map<string, number>();

beforeAll(async () => {
  other = await PrivatePostgres.start();
  operators = await Operators.start();
  const { host, port } = other.address;
  const server = {
    name: 'other',
    host,
    port,
    ownerRole: 'tenantry',
    ownerPassword: PASSWORDS.owner,
    maxConnections: 50,
  };
  expect(await operators.call('POST', '/admin/v1/servers', { ...server, labels: { region: 'eu' } })).toMatchObject({
    status: 201,
  });
  expect((await operators.call('PATCH', '/admin/v1/servers/default', { maxConnections: 50 })).status).toBe(200);
  const tenants = Array.from({ length: TENANTS }, (_, n) => ({
    ...{ slug: `full-${n}`, isolation: n === 0 ? 'schema' : 'row', server: 'other' },
    ...(n < 3 && { placement: { region: 'eu' } }),
  }));
  await ended((await operators.call('POST', '/admin/v1/tenants/bulk', { tenants })).body.id);
  for (const { slug } of tenants) {
    keys.set(slug, (await operators.call('POST', `/admin/v1/tenants/${slug}/api-keys`, {})).body.token);
    acknowledged.set(slug, 0);
  }
}, LONGEST_MS);
afterAll(async () => {
  await operators.close();
  await other.stop();
});

async function ended(id: string): Promise<Json> {
  let operation: Json;
  await soon(async () => {
    operation = (await operators.call('GET', `/admin/v1/operations/${id}`)).body;
    expect(['succeeded', 'failed', 'cancelled']).toContain(operation.status);
  }, LONGEST_MS);
  return operation;
}

let calls = 0;
async function insert(): Promise<string | undefined> {
  const n = (calls += 1);
  const slug = `full-${n % TENANTS}`;
  const response = await fetch(`${operators.urls[n % operators.urls.length]}/api/v1/customers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.get(slug)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Balanced', email: `balanced-${n}@example.com` }),
  });
  const text = await response.text();
  if (response.status !== 201) return `${slug}: ${response.status} ${text}`;
  acknowledged.set(slug, acknowledged.get(slug)! + 1);
  return undefined;
}

it(
  'servers are rebalanced as proposed while tenants work: no request fails, and afterwards there is nothing to propose',
  async () => {
    const proposal = (await operators.call('GET', '/admin/v1/rebalance')).body;
    expect(proposal).toMatchObject({ reachesGoal: true, fullest: { before: 2 }, moves: { length: 4 } });
    expect(proposal.moves.map(({ to }: Json) => to)).toEqual(Array.from({ length: 4 }, () => 'default'));
    const wishing = proposal.moves.filter(({ tenant }: Json) => ['full-0', 'full-1', 'full-2'].includes(tenant));
    expect(wishing).toEqual([]);
    const load = new PacedLoad([['write', insert]], PER_SECOND);
    await load.answered(20);
    const { body } = await operators.call('POST', '/admin/v1/operations', { kind: 'rebalance', atOnce: 4 });
    expect(await ended(body.id)).toMatchObject({ status: 'succeeded', result: { moved: 4, left: [] } });
    await load.answered(20);
    await load.stop();
    expect(load.seen.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    expect((await operators.call('GET', '/admin/v1/rebalance')).body).toMatchObject({
      ...{ moves: [], fullest: { after: proposal.fullest.after } },
    });
    const moved = new Set(proposal.moves.map(({ tenant }: Json) => tenant));
    for (const [slug, count] of acknowledged) {
      const { server } = (await operators.call('GET', `/admin/v1/tenants/${slug}`)).body;
      expect([slug, server]).toEqual([slug, moved.has(slug) ? 'default' : 'other']);
      let stored = 0;
      for (let cursor = ''; ;) {
        const page = (await operators.call('GET', `/api/v1/customers?limit=100${cursor}`, undefined, keys.get(slug)))
          .body;
        stored += page.items.filter(({ email }: Json) => email.startsWith('balanced-')).length;
        if (page.nextCursor === null || page.nextCursor === undefined) break;
        cursor = `&cursor=${page.nextCursor}`;
      }
      expect([slug, stored]).toEqual([slug, count]);
    }
  },
  LONGEST_MS,
);
