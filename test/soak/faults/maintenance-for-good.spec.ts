import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { TenantLifecycle } from '../../../src/admin/tenants/tenant-lifecycle.js';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { printFaultRow } from '../../support/load/fault-row.js';

/** `TITLE` with a mistake. */
const FAILING_TITLE = migration('Title1764000000002', 'SELECT nothing FROM nowhere');
const GRACE = { graceSeconds: 3_600 };
const MAINTENANCE = { onFailure: 'maintenance', message: 'back soon' };

let fleet: Fleet;
let newer: Instance;
let lifecycle: TenantLifecycle;

beforeEach(async () => {
  fleet = await Fleet.create();
  await (await fleet.instance([NOTES])).provision('fails', 'schema');
  newer = await fleet.instance([NOTES, FAILING_TITLE]);
  lifecycle = newer.nest.get(TenantLifecycle);
  await newer.migrate(MAINTENANCE);
  expect(await fleet.tenant('fails')).toMatchObject({ status: 'maintenance' });
});

afterEach(() => fleet.dispose());

afterAll(() =>
  printFaultRow({
    fault:
      'a migration fails with `--on-failure maintenance`; the tenant is deleted and restored; the migration succeeds',
    callers: '503 `TENANT_UNAVAILABLE` with the message of the maintenance',
    probes: 'ready 200',
    operators: '`doctor` warns of each tenant in maintenance, with the command that ends it',
    lasts: 'until the next migration that succeeds, before or after the restoration',
  }),
);

const migrateWell = async (): Promise<unknown> => (await fleet.instance([NOTES, TITLE])).migrate();
const SERVED = { status: 'active', message: null, version: 'Title1764000000002' };

it('a good migration ends the maintenance of a failed one, also after a deletion and restoration', async () => {
  await lifecycle.delete('fails', GRACE, TENANTRY_ACTOR);
  await lifecycle.restore('fails', TENANTRY_ACTOR);
  expect(await fleet.tenant('fails')).toMatchObject({ status: 'maintenance' });
  await migrateWell();
  expect(await fleet.tenant('fails')).toMatchObject(SERVED);
});

it('a tenant that was migrated while it waited for its deletion is served once it is restored', async () => {
  await lifecycle.delete('fails', GRACE, TENANTRY_ACTOR);
  await migrateWell();
  expect(await fleet.tenant('fails')).toMatchObject({ status: 'deleting' });
  await lifecycle.restore('fails', TENANTRY_ACTOR);
  expect(await fleet.tenant('fails')).toMatchObject(SERVED);
});

it("an operator's own maintenance outlasts both", async () => {
  await lifecycle.beginMaintenance('fails', { message: 'the same words' }, TENANTRY_ACTOR);
  await lifecycle.delete('fails', GRACE, TENANTRY_ACTOR);
  await migrateWell();
  await lifecycle.restore('fails', TENANTRY_ACTOR);
  expect(await fleet.tenant('fails')).toMatchObject({ status: 'maintenance', message: 'the same words' });
});
