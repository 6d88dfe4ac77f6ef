import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReferenceTableView } from '../../../src/admin/reference-data/reference-data.views.js';
import { newServer } from '../../../src/admin/servers/server.schemas.js';
import { Servers } from '../../../src/admin/servers/servers.js';
import { TargetDatabases } from '../../../src/admin/targets/target-databases.js';
import { BulkCreation } from '../../../src/admin/tenants/bulk-creation.js';
import { newTenants } from '../../../src/admin/tenants/tenant.schemas.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { ReferenceData } from '../../../src/index.js';
import { OperationRunner } from '../../../src/operations/operation-runner.js';
import { Fleet, type Instance } from '../../support/fleet/fleet.js';
import { COUNTRIES_FEATURE } from '../../support/host/countries.module.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';

/** On each of two servers. */
const COUNTS = { row: 90, schema: 40, database: 20 } as const;
const SERVERS = ['default', 'other'] as const;
/** Row tenants of a server share one set of tables. */
const PLACES_PER_SERVER = 1 + COUNTS.schema + COUNTS.database;
const WITHIN_MS = 900_000;

let fleet: Fleet;
let other: PrivatePostgres;
let instance: Instance;

beforeAll(async () => {
  fleet = await Fleet.create();
  other = await PrivatePostgres.start();
  instance = await fleet.instance(COUNTRIES_FEATURE.migrations);
  const { host, port } = other.address;
  const asked = { name: 'other', host, port, ownerRole: 'tenantry', ownerPassword: PASSWORDS.owner };
  await instance.catalog.transaction((catalog) =>
    instance.nest.get(Servers).register(catalog, newServer.parse(asked), TENANTRY_ACTOR),
  );
}, WITHIN_MS);
afterAll(async () => {
  await fleet.dispose();
  await other.stop();
});

const publish = (name: string) => instance.nest.get(ReferenceData).publish('countries', [{ code: 'DE', name }]);

async function state(): Promise<ReferenceTableView> {
  const { items } = await instance.nest.get(ReferenceData).list();
  return items[0]!;
}

async function until(isReached: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  while (!(await isReached())) {
    if (performance.now() > deadline) throw new Error(`not reached: ${JSON.stringify(await state())}`);
    await delay(500);
  }
}

const operations = () =>
  fleet.database.admin<{
    subject: string;
    status: string;
    code: string | null;
    result: Record<string, unknown> | null;
  }>(
    `SELECT subject, status, error ->> 'code' AS code, result FROM operations
     WHERE kind = 'publish-reference-data' ORDER BY created_at`,
  );

/** What the tables themselves hold: the names of the country, and how many sets of tables have each. */
async function namesOnAllServers(): Promise<Record<string, number>> {
  const places = await fleet.database.admin<{ target: string; schema: string }>(
    'SELECT DISTINCT target_id AS target, schema_name AS schema FROM tenants',
  );
  const targets = instance.nest.get(TargetDatabases);
  const names: Record<string, number> = {};
  for (const { target, schema } of places) {
    const { rows } = await targets.use(await targets.find(target), (client) =>
      client.query<{ name: string }>(`SELECT string_agg(name, ',') AS name FROM ${JSON.stringify(schema)}.countries`),
    );
    const name = rows[0]?.name ?? '';
    names[name] = (names[name] ?? 0) + 1;
  }
  return names;
}

it(
  'rows published to 300 tenants on two servers are the same everywhere, although one server was away',
  async () => {
    for (const server of SERVERS) {
      const tenants = Object.entries(COUNTS).flatMap(([isolation, count]) =>
        Array.from({ length: count }, (_, n) => ({ slug: `${server}-${isolation}-${n}`, isolation, server })),
      );
      const bulk = newTenants.parse({ tenants });
      const { id } = await instance.catalog.transaction((catalog) =>
        instance.nest.get(BulkCreation).create(catalog, bulk, TENANTRY_ACTOR),
      );
      expect(await instance.complete(id)).toMatchObject({ status: 'succeeded' });
    }
    const runner = instance.nest.get(OperationRunner);
    runner.start();

    await publish('first');
    await until(async () => (await operations()).every(({ status }) => status === 'succeeded'));
    expect(await state()).toMatchObject({ version: 1, places: 2 * PLACES_PER_SERVER, behind: 0 });
    expect(await namesOnAllServers()).toEqual({ first: 2 * PLACES_PER_SERVER });

    await other.kill();
    await publish('second');
    await until(async () => (await state()).behind === PLACES_PER_SERVER);
    await publish('third'); // does not wait for the second, which will never reach the server that is away
    await until(async () =>
      (await operations()).some(({ subject, status }) => /3$/.test(subject) && status === 'failed'),
    );
    const behind = await state();
    expect(behind).toMatchObject({ version: 3, behind: PLACES_PER_SERVER });
    expect(behind.placesBehind).toHaveLength(20);
    expect(behind.placesBehind.every(({ server, version }) => server === 'other' && version === 1)).toBe(true);
    expect(behind.placesBehind.some(({ error }) => error !== null)).toBe(true);
    const [, second, third, catchUp] = await operations();
    expect(second).toMatchObject({ status: 'succeeded', result: { supersededBy: 3 } });
    expect(third).toMatchObject({ code: 'REFERENCE_DATA_BEHIND', result: { applied: PLACES_PER_SERVER, refused: 0 } });
    expect(catchUp).toMatchObject({ subject: 'countries version 3, catch-up 1', status: 'pending' });
    await instance.provision('meanwhile', 'schema');

    await other.startAgain();
    await until(async () => (await state()).behind === 0);
    await until(async () => (await operations()).at(-1)?.status === 'succeeded');
    expect(await state()).toMatchObject({ version: 3, places: 2 * PLACES_PER_SERVER + 1, behind: 0, placesBehind: [] });
    expect(await namesOnAllServers()).toEqual({ third: 2 * PLACES_PER_SERVER + 1 });
  },
  WITHIN_MS,
);
