import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';

const TENANTS = 10_000;

let fleet: Fleet;
let newer: Instance;

beforeAll(async () => {
  fleet = await Fleet.create();
  await (await fleet.instance([NOTES])).provision('one', 'row');
  await fleet.database.admin(
    `INSERT INTO tenants (slug, status, isolation, target_id, schema_name, schema_version, migration_set)
     SELECT 't' || n, 'active', 'row', target_id, schema_name, schema_version, migration_set
     FROM generate_series(2, $1::int) n, tenants WHERE slug = 'one'`,
    [TENANTS],
  );
  newer = await fleet.instance([NOTES, TITLE]);
});
afterAll(() => fleet.dispose());

it('10,000 tenants that share tables are migrated as one unit and recorded in one transaction', async () => {
  const operation = await newer.migrate();
  expect(operation).toMatchObject({ status: 'succeeded', result: { units: 1, migrated: 1, tenants: TENANTS } });
  const [counted] = await fleet.database.admin(
    `SELECT count(*)::int AS n, count(DISTINCT t.xmin::text)::int AS transactions
     FROM tenants t JOIN operation_tenants r ON r.tenant_id = t.id AND r.xmin = t.xmin
     WHERE t.schema_version = 'Title1764000000002' AND r.status = 'succeeded' AND r.operation_id = $1`,
    [operation.id],
  );
  expect(counted).toEqual({ n: TENANTS, transactions: 1 }); // version and result in one transaction, for all of them
});
