import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { TenantConnectionService } from '../../../src/tenant/context/tenant-connection.service.js';
import { TenantLookup } from '../../../src/tenant/directory/tenant-lookup.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

const LOCK_TIMEOUT_MS = 300;

let fleet: Fleet;
let old: Instance;
let newer: Instance;
/** Of the tenant, as its requests use it. */
let busy: DataSource;

beforeEach(async () => {
  fleet = await Fleet.create();
  old = await fleet.instance([NOTES]);
  newer = await fleet.instance([NOTES, TITLE]);
  await old.provision('busy', 'schema');
  const tenant = await old.nest.get(TenantLookup).bySlug('busy');
  busy = await old.nest.get(TenantConnectionService).dataSource(tenant!);
});
afterEach(() => fleet.dispose());

/** A transaction of the tenant that has read the table and stays open. */
async function longTransaction(): Promise<{ readonly end: () => Promise<void> }> {
  const runner = busy.createQueryRunner();
  await runner.startTransaction();
  await runner.query('SELECT count(*) FROM notes');
  return {
    end: async () => {
      await runner.commitTransaction();
      await runner.release();
    },
  };
}

/** Whether the migration stands in the queue for the table's lock. */
async function isWaiting(): Promise<boolean> {
  const rows = await asSuperuser(
    'postgres',
    `SELECT FROM pg_stat_activity WHERE ${isNamedFor('owner')} AND wait_event_type = 'Lock'
       AND query LIKE 'ALTER TABLE notes%' AND datname LIKE $1`,
    [`${fleet.database.name}%`],
  );
  return rows.length > 0;
}

it('a fleet migration gives way to a long transaction and completes after it', async () => {
  const { end } = await longTransaction();
  const migrated = newer.migrate({ lockTimeoutMs: LOCK_TIMEOUT_MS, attempts: 50 });
  let seenWaiting = 0;
  while (seenWaiting < 3) {
    await soon(async () => expect(await isWaiting()).toBe(true));
    seenWaiting += 1;
    // A later request, queued behind the migration: it is served although the transaction stays open.
    await busy.query('SELECT count(*) FROM notes');
    await soon(async () => expect(await isWaiting()).toBe(false));
  }
  expect(await fleet.hasColumn('busy', 'title')).toBe(false);
  await end();
  expect(await migrated).toMatchObject({ status: 'succeeded', result: { migrated: 1 } });
});

it('a fleet migration that never gets its lock fails that tenant only, with a reason', async () => {
  await old.provision('idle', 'schema');
  const { end } = await longTransaction();
  const operation = await newer.migrate({ lockTimeoutMs: 50, attempts: 2 });
  expect(operation).toMatchObject({ status: 'failed', result: { migrated: 1, failed: 1 } });
  expect(await fleet.results(operation.id)).toMatchObject([
    { slug: 'busy', status: 'failed', code: 'MIGRATION_LOCKED' },
    { slug: 'idle', status: 'succeeded' },
  ]);
  await end();
  expect(await newer.retry(operation.id)).toMatchObject({ status: 'succeeded' });
});
