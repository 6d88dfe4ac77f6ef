import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { POLICY_VERSION } from '../../../src/database/isolation/tenant-policies.js';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';

let fleet: Fleet;
let instance: Instance;

beforeAll(async () => {
  fleet = await Fleet.create();
  instance = await fleet.instance([NOTES, TITLE]);
  // Nothing listens where these tenants are placed: connecting would fail.
  await fleet.database.admin(`INSERT INTO migration_sets VALUES ('all', '{Notes1764000000001,Title1764000000002}')`);
  await fleet.database.admin(
    `WITH server AS (
       INSERT INTO servers (name, host, port, owner_role, owner_password_sealed)
       VALUES ('nowhere', '127.0.0.1', 1, 'nobody', 'unreadable') RETURNING id
     ), target AS (
       INSERT INTO connection_targets (server_id, kind, database, role, password_sealed)
       SELECT id, CASE n WHEN 1 THEN 'shared' ELSE 'dedicated' END, 'database_' || n, 'role', 'unreadable'
       FROM server, generate_series(1, 500) n RETURNING id, database
     )
     INSERT INTO tenants (slug, status, isolation, target_id, schema_name, schema_version, migration_set, policy_version)
     SELECT 't' || n, CASE n % 3 WHEN 0 THEN 'suspended' ELSE 'active' END, 'row', id,
            CASE WHEN n % 2 = 0 THEN 'shared' ELSE 't_' || n END, 'Title1764000000002', 'all', ${POLICY_VERSION}
     FROM generate_series(1, 10000) n JOIN target ON database = 'database_' || (n % 500 + 1)`,
  );
});
afterAll(() => fleet.dispose());

it('a fleet migration skips 10,000 up-to-date tenants without connecting to any of them', async () => {
  const operation = await instance.migrate({ canary: { count: 3 } });
  expect(operation).toMatchObject({ status: 'succeeded', result: { units: 0, failed: 0, remaining: 0 } });
});

it('a fleet migration finds the one tenant that is behind among 10,000', async () => {
  await fleet.set('t4711', `schema_version = 'Notes1764000000001'`);
  const operation = await instance.migrate();
  expect(operation).toMatchObject({ status: 'failed', result: { units: 1, failed: 1 } });
  expect((await fleet.results(operation.id)).map(({ slug }) => slug)).toEqual(['t4711']);
});
