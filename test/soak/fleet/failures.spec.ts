import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { TenantLifecycle } from '../../../src/admin/tenants/tenant-lifecycle.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { failWhereNamed, Fleet, type Instance, NOTES, TITLE, TITLE_OR_FAIL } from '../../support/fleet/fleet.js';

const [OLD, NEW] = ['Notes1764000000001', 'Title1764000000002'];

let fleet: Fleet;
let old: Instance;
let newer: Instance;

beforeEach(async () => {
  fleet = await Fleet.create();
  old = await fleet.instance([NOTES]);
  newer = await fleet.instance([NOTES, TITLE_OR_FAIL]);
});
afterEach(() => fleet.dispose());

async function provision(...slugs: string[]): Promise<void> {
  for (const slug of slugs) await old.provision(slug, 'schema');
}

/** Of all tenants, in the order of their slugs. */
async function versions(): Promise<(string | null)[]> {
  return (await fleet.tenants()).map(({ version }) => version);
}

/** The migration that failed is mended. */
function mended(): Promise<Instance> {
  return fleet.instance([NOTES, TITLE]);
}

describe('a fleet migration that fails on the seventh tenant', () => {
  it('leaves that tenant unchanged, continues with the others, and completes on retry', async () => {
    await provision('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'fails7', 'g8', 'g9');
    const operation = await newer.migrate({ parallelism: 1 });
    expect(operation).toMatchObject({
      status: 'failed',
      error: {
        code: 'FLEET_MIGRATION_INCOMPLETE',
        message: '8 of 9 units migrated, 1 failed, 0 remaining',
      },
      result: { units: 9, migrated: 8, failed: 1, remaining: 0, tenants: 8, stoppedBecause: null },
    });
    const failed = (await fleet.results(operation.id)).filter(({ status }) => status === 'failed');
    expect(failed).toEqual([{ slug: 'fails7', status: 'failed', code: 'MIGRATION_FAILED', from: OLD, to: OLD }]);
    expect(await fleet.tenant('fails7')).toMatchObject({ status: 'active', version: OLD });
    expect(await fleet.hasColumn('fails7', 'title')).toBe(false);
    const retried = await (await mended()).retry(operation.id);
    expect(retried).toMatchObject({ status: 'succeeded', error: null, result: { migrated: 9, failed: 0, tenants: 9 } });
    expect(new Set(await versions())).toEqual(new Set([NEW]));
    expect((await fleet.results(operation.id)).every(({ status }) => status === 'succeeded')).toBe(true);
  });

  it('reports the reason per tenant, without any row data', async () => {
    await provision('fails');
    const operation = await newer.migrate();
    const [row] = await fleet.database.admin<{ error: unknown }>(
      'SELECT error FROM operation_tenants WHERE operation_id = $1',
      [operation.id],
    );
    expect(row?.error).toEqual({ code: 'MIGRATION_FAILED', message: `migration ${NEW} failed (SQLSTATE P0001)` });
  });

  it('records the migrations applied before the failing one', async () => {
    await provision('fails', 'works');
    const body = migration('Body1764000000002', 'ALTER TABLE notes ADD COLUMN body text');
    const fails = migration('Third1764000000003', failWhereNamed);
    const operation = await (await fleet.instance([NOTES, body, fails])).migrate();
    expect(await versions()).toEqual(['Body1764000000002', 'Third1764000000003']);
    expect(await fleet.results(operation.id)).toEqual([
      { slug: 'fails', status: 'failed', code: 'MIGRATION_FAILED', from: OLD, to: 'Body1764000000002' },
      { slug: 'works', status: 'succeeded', code: null, from: OLD, to: 'Third1764000000003' },
    ]);
  });
});

describe('canary tenants', () => {
  it('are migrated first, one by one, and nothing else is touched when one fails', async () => {
    await provision('a', 'b', 'fails', 'z');
    const operation = await newer.migrate({ canary: { tenants: ['fails', 'z', 'a'] } });
    expect(operation).toMatchObject({
      status: 'failed',
      step: 'canary',
      result: { migrated: 1, failed: 1, remaining: 2, stoppedBecause: 'a canary failed' },
    });
    expect(await versions()).toEqual([NEW, OLD, OLD, OLD]); // a came before it
  });

  it('are chosen by number when no names are given, and are the same on retry', async () => {
    await provision('fails', 'g', 'h');
    const operation = await newer.migrate({ canary: { count: 1 } });
    expect(operation).toMatchObject({ status: 'failed', step: 'canary' });
    expect(await versions()).toEqual([OLD, OLD, OLD]);
    await provision('a'); // would be the first if it was chosen now
    expect(await newer.retry(operation.id)).toMatchObject({ status: 'failed', step: 'canary' });
    expect(await versions()).toEqual([OLD, OLD, OLD, OLD]);
    expect(await (await mended()).retry(operation.id)).toMatchObject({ status: 'succeeded' });
    expect(await versions()).toEqual([NEW, NEW, NEW, NEW]);
  });

  it('are followed by the rest when they succeed', async () => {
    await provision('a', 'b', 'c');
    const operation = await newer.migrate({ canary: { count: 2 } });
    expect(operation).toMatchObject({ status: 'succeeded', result: { migrated: 3 } });
    expect(await versions()).toEqual([NEW, NEW, NEW]);
  });
});

describe('the failure threshold', () => {
  it('stops the migration before the next wave', async () => {
    await provision('a1', 'fails2', 'fails3', 'g4', 'g5', 'g6');
    const operation = await newer.migrate({ waveSize: 2, maxFailures: 1 });
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'FLEET_MIGRATION_INCOMPLETE' },
      result: { units: 6, migrated: 2, failed: 2, remaining: 2, stoppedBecause: 'more than 1 failed' },
    });
    expect(await versions()).toEqual([NEW, OLD, OLD, NEW, OLD, OLD]);
    const next = await (await mended()).migrate(); // another operation continues as a retry would
    expect(next).toMatchObject({ status: 'succeeded', result: { units: 4, migrated: 4 } });
  });

  it('is not reached by the allowed number of failures', async () => {
    await provision('fails1', 'fails2', 'g3', 'g4');
    const operation = await newer.migrate({ waveSize: 1, maxFailures: 2 });
    expect(operation).toMatchObject({ status: 'failed', result: { migrated: 2, failed: 2, remaining: 0 } });
  });
});

describe('maintenance mode for tenants whose migration failed', () => {
  const MESSAGE = 'back soon';

  it('lasts until it succeeds and is recorded in the audit log', async () => {
    await provision('fails', 'works');
    await newer.migrate({ onFailure: 'maintenance', message: MESSAGE });
    expect(await fleet.tenants()).toEqual([
      { slug: 'fails', status: 'maintenance', message: MESSAGE, version: OLD },
      { slug: 'works', status: 'active', message: null, version: NEW },
    ]);
    await (await mended()).migrate();
    expect(await fleet.tenant('fails')).toEqual({ slug: 'fails', status: 'active', message: null, version: NEW });
    const audit = await fleet.database.admin(
      `SELECT actor, action, after ->> 'status' AS status FROM audit_log
       WHERE subject = 'fails' AND action LIKE 'tenant.maintenance%' ORDER BY id`,
    );
    expect(audit).toEqual([
      { actor: 'tenantry', action: 'tenant.maintenance', status: 'maintenance' },
      { actor: 'tenantry', action: 'tenant.maintenance-end', status: 'active' },
    ]);
  });

  it('begins only for active tenants and ends only where it was set by the migration', async () => {
    await provision('fails-asleep', 'fails-hers', 'fails-his', 'fails-ours');
    const lifecycle = newer.nest.get(TenantLifecycle);
    await lifecycle.suspend('fails-asleep', TENANTRY_ACTOR);
    await lifecycle.beginMaintenance('fails-hers', { message: MESSAGE }, TENANTRY_ACTOR); // the very same words
    await newer.migrate({ onFailure: 'maintenance', message: MESSAGE });
    await lifecycle.endMaintenance('fails-his', TENANTRY_ACTOR);
    await lifecycle.beginMaintenance('fails-his', { message: MESSAGE }, TENANTRY_ACTOR);
    await (await mended()).migrate();
    expect((await fleet.tenants()).map(({ slug, status, version }) => [slug, status, version])).toEqual([
      ['fails-asleep', 'suspended', NEW],
      ['fails-hers', 'maintenance', NEW],
      ['fails-his', 'maintenance', NEW],
      ['fails-ours', 'active', NEW],
    ]);
  });
});

describe('row tenants in a fleet migration', () => {
  it('fail together and recover together', async () => {
    for (const slug of ['r1', 'r2', 'r3']) await old.provision(slug, 'row');
    const failing = await fleet.instance([NOTES, migration('Title1764000000002', 'SELECT nothing FROM nowhere')]);
    const operation = await failing.migrate({ onFailure: 'maintenance' });
    expect(operation.result).toMatchObject({ units: 1, failed: 1, tenants: 0 });
    expect((await fleet.results(operation.id)).map(({ code }) => code)).toEqual(Array(3).fill('MIGRATION_FAILED'));
    expect((await fleet.tenants()).map(({ status }) => status)).toEqual(Array(3).fill('maintenance'));
    const retried = await newer.retry(operation.id);
    expect(retried.result).toMatchObject({ units: 1, migrated: 1, tenants: 3 });
    expect((await fleet.tenants()).map(({ status }) => status)).toEqual(Array(3).fill('active'));
  });
});
