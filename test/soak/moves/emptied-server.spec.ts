import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import { PacedLoad, percentile } from '../../support/load/paced-load.js';
import { Operators } from '../../support/operations/operators.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import type { Json } from '../../support/test-app.js';

const LONGEST_MS = 30 * 60_000;
/** All in all; `SOAK_TENANTS=200` is the long run. Most of them share tables. */
const TENANTS = Number(process.env['SOAK_TENANTS'] ?? 12);
const ALONE = Math.max(3, Math.round(TENANTS / 10));
const COUNTS = { row: TENANTS - 2 * ALONE, schema: ALONE, database: ALONE };
const AT_ONCE = Number(process.env['SOAK_AT_ONCE'] ?? 4);
const PER_SECOND = 40;

let operators: Operators;
let other: PrivatePostgres;
const keys = new Map<string, string>();
const acknowledged = new Map<string, string[]>();
let calls = 0;

beforeAll(async () => {
  other = await PrivatePostgres.start();
  operators = await Operators.start();
  const { host, port } = other.address;
  const server = { name: 'other', host, port, tls: 'disable', ownerRole: 'tenantry', ownerPassword: PASSWORDS.owner };
  expect(await operators.call('POST', '/admin/v1/servers', server)).toMatchObject({ status: 201 });
  const tenants = Object.entries(COUNTS).flatMap(([isolation, count]) =>
    Array.from({ length: count }, (_, n) => ({ slug: `${isolation}-${n}`, isolation, server: 'other' })),
  );
  const { body } = await operators.call('POST', '/admin/v1/tenants/bulk', { tenants });
  await ended(body.id);
  for (const { slug } of tenants) {
    keys.set(slug, (await operators.call('POST', `/admin/v1/tenants/${slug}/api-keys`, {})).body.token);
    acknowledged.set(slug, []);
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

async function insert(): Promise<string | undefined> {
  const slugs = [...keys.keys()];
  const n = (calls += 1);
  const slug = slugs[n % slugs.length]!;
  const email = `emptied-${n}@example.com`;
  const url = operators.urls[n % operators.urls.length];
  const response = await fetch(`${url}/api/v1/customers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.get(slug)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Emptied', email }),
  });
  const text = await response.text();
  if (response.status !== 201) return `${slug}: ${response.status} ${text}`;
  acknowledged.get(slug)!.push(email);
  return undefined;
}

async function serversOf(): Promise<Json> {
  return Object.fromEntries(
    (await operators.call('GET', '/admin/v1/servers')).body.map(({ name, tenants }: Json) => [name, tenants]),
  );
}

async function empty(): Promise<Json> {
  const body = { kind: 'empty-server', server: 'other', atOnce: AT_ONCE };
  const requested = await operators.call('POST', '/admin/v1/operations', body);
  expect(requested).toMatchObject({ status: 202 });
  return requested.body;
}

it(
  'a server is emptied while its tenants work, and no request fails; one that is suspended is named, and moved when tried again',
  async () => {
    const refused = await operators.call('POST', '/admin/v1/operations', { kind: 'empty-server', server: 'other' });
    expect(refused).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect((await operators.call('POST', '/admin/v1/servers/other/drain')).status).toBe(200);
    expect((await operators.call('POST', '/admin/v1/tenants/row-0/suspend')).status).toBe(200);
    const suspendedKey = keys.get('row-0')!;
    keys.delete('row-0');

    const load = new PacedLoad([['write', insert]], PER_SECOND);
    await load.answered(50);
    const startedAt = performance.now();
    const operation = await ended((await empty()).id);
    const seconds = (performance.now() - startedAt) / 1000;
    await load.answered(50);
    await load.stop();
    const times = load.seen.map(({ ms }) => ms);
    process.stderr.write(
      `${operation.result.moved} tenants moved in ${seconds.toFixed(0)} s; ${times.length} writes, ` +
        `p99 ${Math.round(percentile(times, 0.99))} ms, longest ${Math.round(percentile(times, 1))} ms\n`,
    );
    expect(load.seen.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    expect(operation).toMatchObject({
      ...{ status: 'failed', error: { code: 'SERVER_NOT_EMPTY', message: expect.stringContaining('row-0') } },
      result: { moved: TENANTS - 1, left: [] },
    });
    expect(await serversOf()).toMatchObject({ other: 1, default: TENANTS - 1 });

    expect((await operators.call('POST', '/admin/v1/tenants/row-0/resume')).status).toBe(200);
    keys.set('row-0', suspendedKey);
    await operators.call('POST', `/admin/v1/operations/${operation.id}/retry`);
    await delay(100);
    expect(await ended(operation.id)).toMatchObject({ status: 'succeeded', result: { moved: TENANTS } });
    expect(await serversOf()).toMatchObject({ other: 0, default: TENANTS });
    expect(await operators.database.admin('SELECT FROM moves')).toEqual([]);
    for (const [slug, emails] of acknowledged) {
      const stored: string[] = [];
      for (let cursor = ''; ;) {
        const page = await operators.call('GET', `/api/v1/customers?limit=100${cursor}`, undefined, keys.get(slug));
        stored.push(...page.body.items.map(({ email }: Json) => email));
        if (page.body.nextCursor === null || page.body.nextCursor === undefined) break;
        cursor = `&cursor=${page.body.nextCursor}`;
      }
      expect(stored.filter((email) => email.startsWith('emptied-')).toSorted()).toEqual(emails.toSorted());
    }
    expect((await operators.call('DELETE', '/admin/v1/servers/other')).status).toBe(204);
  },
  LONGEST_MS,
);
