import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, dropEverything, TestApp, type TestTenant } from '../../support/test-app.js';

let database: TestDatabase;
let apps: readonly [TestApp, TestApp];

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  apps = [await TestApp.over(database), await TestApp.over(database)];
});

afterAll(async () => {
  for (const app of apps) await app.stop();
  await dropEverything(database);
});

/** Writes on both instances until the signal. @returns the statuses of the responses */
async function write({ apiKey }: TestTenant, signal: AbortSignal): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (let n = 0; !signal.aborted; n += 1) {
    const body = { name: 'Ada', email: `${randomUUID()}@example.com` };
    const app = apps[n % 2 === 0 ? 0 : 1];
    statuses.add((await app.call('/api/v1/customers', { method: 'POST', apiKey, body })).status);
  }
  return statuses;
}

it.each(['row', 'schema', 'database'] as const)(
  'deleting a tenant that is writing leaves nothing behind, and its neighbour is served throughout (%s)',
  async (isolation) => {
    const [app] = apps;
    const deletedTenant = await app.provision(`deleted-${isolation}`, isolation);
    const neighbour = await app.provision(`neighbour-${isolation}`, isolation);
    const location = (await app.call(`/admin/v1/tenants/${deletedTenant.slug}`, { apiKey: ADMIN_KEY })).body;
    const stop = new AbortController();
    const writing = [
      write(deletedTenant, stop.signal),
      write(deletedTenant, stop.signal),
      write(neighbour, stop.signal),
    ];

    const deleted = await app.call(`/admin/v1/tenants/${deletedTenant.slug}?graceSeconds=0`, {
      ...{ method: 'DELETE', apiKey: ADMIN_KEY },
    });
    expect(deleted.status).toBe(202);
    await soon(async () => {
      const { body } = await app.call(`/admin/v1/operations/${deleted.body.id}`, { apiKey: ADMIN_KEY });
      expect(body.status).toBe('succeeded');
    });
    stop.abort();
    const [first, second, neighbours] = await Promise.all(writing);

    expect([...(neighbours ?? [])]).toEqual([201]);
    // Served, then rejected while it was being deleted, then unknown.
    for (const status of [...(first ?? []), ...(second ?? [])]) expect([201, 503, 401]).toContain(status);
    expect(first).toContain(401);
    expect(await remains(isolation, location)).toEqual([]);
  },
);

function remains(
  isolation: string,
  { id, database: name, schema }: { id: string; database: string; schema: string },
): Promise<unknown[]> {
  switch (isolation) {
    case 'row':
      return asSuperuser(name, 'SELECT id FROM shared.customers WHERE tenant_id = $1', [id]);
    case 'schema':
      return asSuperuser(name, 'SELECT nspname FROM pg_namespace WHERE nspname = $1', [schema]);
    default:
      return asSuperuser(
        'postgres',
        'SELECT datname FROM pg_database WHERE datname = $1 UNION ALL SELECT rolname FROM pg_roles WHERE rolname = $1',
        [name],
      );
  }
}
