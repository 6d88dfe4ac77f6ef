import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { TenantLifecycle } from '../../../src/admin/tenants/tenant-lifecycle.js';
import { TenantAvailability } from '../../../src/tenant/admission/tenant-availability.js';
import { TenantLookup } from '../../../src/tenant/directory/tenant-lookup.js';
import { soon } from '../../support/load/soon.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';

let fleet: Fleet;
let old: Instance;
let newer: Instance;

beforeEach(async () => {
  fleet = await Fleet.create();
  old = await fleet.instance([NOTES]);
  newer = await fleet.instance([NOTES, TITLE]);
});
afterEach(() => fleet.dispose());

async function refusalBy(instance: Instance, slug: string): Promise<string | undefined> {
  const tenant = await instance.nest.get(TenantLookup).bySlug(slug);
  return instance.nest.get(TenantAvailability).rejectionOf(tenant!)?.code;
}

describe('migrating the fleet', () => {
  it('brings tenants of every isolation up to date, those that share tables together, and has them served', async () => {
    await old.provision('r1', 'row');
    await old.provision('r2', 'row');
    await old.provision('s1', 'schema');
    await old.provision('d1', 'database');
    expect(await refusalBy(newer, 's1')).toBe('TENANT_UNAVAILABLE');
    const operation = await newer.migrate();
    expect(operation).toMatchObject({ status: 'succeeded', tenantId: null, subject: 'fleet', error: null });
    expect(operation.result).toMatchObject({ units: 3, migrated: 3, failed: 0, remaining: 0, tenants: 4 });
    const done = { status: 'succeeded', code: null, from: 'Notes1764000000001', to: 'Title1764000000002' };
    expect(await fleet.results(operation.id)).toEqual(['d1', 'r1', 'r2', 's1'].map((slug) => ({ slug, ...done })));
    for (const { slug, status, version } of await fleet.tenants()) {
      expect([slug, status, version]).toEqual([slug, 'active', 'Title1764000000002']);
      expect(await fleet.hasColumn(slug, 'title')).toBe(true);
      await soon(async () => expect(await refusalBy(newer, slug)).toBeUndefined());
      expect(await refusalBy(old, slug)).toBeUndefined();
    }
  });

  it('opens only tenants that are behind: an instance with older code finds nothing to do', async () => {
    await newer.provision('ahead', 'schema');
    await old.provision('behind', 'schema');
    const operation = await old.migrate();
    expect(operation.result).toMatchObject({ units: 0, tenants: 0 });
    expect((await newer.migrate()).result).toMatchObject({ units: 1, tenants: 1 });
    expect(await fleet.tenant('ahead')).toMatchObject({ version: 'Title1764000000002' });
  });

  it('migrates every tenant that may be served again and skips those being provisioned, moved or deleted', async () => {
    for (const slug of ['sleeps', 'rests', 'regretted', 'removed', 'moves', 'half'])
      await old.provision(slug, 'schema');
    const lifecycle = old.nest.get(TenantLifecycle);
    await lifecycle.suspend('sleeps', TENANTRY_ACTOR);
    await lifecycle.beginMaintenance('rests', { message: 'of an operator' }, TENANTRY_ACTOR);
    await lifecycle.delete('regretted', { graceSeconds: 3600 }, TENANTRY_ACTOR);
    const { id: removal } = await lifecycle.delete('removed', { graceSeconds: 3600 }, TENANTRY_ACTOR);
    await fleet.database.admin(`UPDATE operations SET status = 'failed', started_at = now() WHERE id = $1`, [removal]);
    await fleet.set('moves', `status = 'moving'`);
    await fleet.set('half', `status = 'failed'`);
    const operation = await newer.migrate();
    expect((await fleet.results(operation.id)).map(({ slug }) => slug)).toEqual(['regretted', 'rests', 'sleeps']);
    expect((await fleet.tenants()).map(({ slug, status, version }) => [slug, status, version])).toEqual([
      ['half', 'failed', 'Notes1764000000001'],
      ['moves', 'moving', 'Notes1764000000001'],
      ['regretted', 'deleting', 'Title1764000000002'],
      ['removed', 'deleting', 'Notes1764000000001'],
      ['rests', 'maintenance', 'Title1764000000002'],
      ['sleeps', 'suspended', 'Title1764000000002'],
    ]);
    expect(await fleet.tenant('rests')).toMatchObject({ message: 'of an operator' });
    expect(await fleet.hasColumn('moves', 'title')).toBe(false);
  });

  it('includes tenants that an older instance finished provisioning in the meantime', async () => {
    await old.provision('first', 'schema');
    let isProvisioned = false;
    const provisions = migration('Title1764000000002', async (runner) => {
      await runner.query('ALTER TABLE notes ADD COLUMN title text');
      if (isProvisioned) return;
      isProvisioned = true;
      await old.provision('second', 'schema');
    });
    const instance = await fleet.instance([NOTES, provisions]);
    expect((await instance.migrate({ waveSize: 1 })).result).toMatchObject({ migrated: 2, remaining: 0 });
    expect(await fleet.tenant('second')).toMatchObject({ status: 'active', version: 'Title1764000000002' });
  });

  it('runs once when two instances receive the same operation, and allows one operation at a time', async () => {
    for (const slug of ['a', 'b', 'c', 'd']) await old.provision(slug, 'schema');
    let runs = 0;
    const counted = migration('Title1764000000002', async (runner) => {
      runs += 1;
      await runner.query('ALTER TABLE notes ADD COLUMN title text');
    });
    const instances = await Promise.all([fleet.instance([NOTES, counted]), fleet.instance([NOTES, counted])]);
    const id = await instances[0].ask();
    await expect(instances[1].ask()).rejects.toMatchObject({ code: 'CONFLICT' });
    const ended = await Promise.all(instances.map((instance) => instance.complete(id)));
    expect(ended.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    expect(runs).toBe(4);
    expect(await fleet.results(id)).toHaveLength(4);
  });

  it('is not reported as done by an instance with older code, which finds nothing to do', async () => {
    await old.provision('a', 'schema');
    const id = await newer.ask();
    expect(await old.complete(id)).toMatchObject({ status: 'failed', error: { code: 'OLDER_CODE' } });
    expect(await newer.retry(id)).toMatchObject({ status: 'succeeded', result: { migrated: 1 } });
  });

  it('restricted to some tenants, leaves the others and rejects unknown names', async () => {
    for (const slug of ['a', 'b']) await old.provision(slug, 'schema');
    expect((await newer.migrate({ tenants: ['a'] })).result).toMatchObject({ units: 1, migrated: 1, remaining: 0 });
    expect(await fleet.tenant('b')).toMatchObject({ version: 'Notes1764000000001' });
    await expect(newer.ask({ tenants: ['a', 'nobody'], canary: { tenants: ['a'] } })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [{ field: 'tenants.1', message: expect.stringMatching(/^no such tenant: "/) }],
    });
    await expect(newer.ask({ tenants: ['a'], canary: { tenants: ['b'] } })).rejects.toThrow('must be among');
  });
});
