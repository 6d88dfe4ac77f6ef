import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { searchPathOf } from '../../../../src/database/statements/stamps/stamp.js';
import { statementRecords } from '../../../../src/database/statements/statement-records.js';
import { TenantConnectionService } from '../../../../src/tenant/context/tenant-connection.service.js';
import { TenantLookup } from '../../../../src/tenant/directory/tenant-lookup.js';
import { Fleet, type Instance, NOTES } from '../../../support/fleet/fleet.js';
import { soon } from '../../../support/load/soon.js';
import { migration } from '../../../support/tables/migration-fixture.js';

const WIDER = migration('Wider1764000000002', 'ALTER TABLE notes ALTER COLUMN id TYPE bigint');
// Without a comment: a text with an asterisk has no name in transactions.
const TEXT = 'SELECT id FROM notes WHERE id = $1 AND 7 < 8';

let fleet: Fleet;
let serving: Instance;
let newer: Instance;
let tenants: DataSource[];

beforeAll(async () => {
  fleet = await Fleet.create();
  serving = await fleet.instance([NOTES]);
  newer = await fleet.instance([NOTES, WIDER]);
  tenants = [];
  for (const slug of ['one', 'two']) {
    await serving.provision(slug, 'row');
    const tenant = await serving.nest.get(TenantLookup).bySlug(slug);
    tenants.push(await serving.nest.get(TenantConnectionService).dataSource(tenant!));
  }
});
afterAll(() => fleet.dispose());

const inTransaction = (tenant: DataSource): Promise<unknown> =>
  tenant.transaction((manager) => manager.query(TEXT, [1]));

const noticed = (): number | undefined => statementRecords.get(TEXT)?.plan(searchPathOf('shared')).version;

describe('a fleet migration that changes the type of a column', () => {
  it('fails no transaction that began before it and sends its statement once the catalog has announced it', async () => {
    await tenants[0]!.query('INSERT INTO notes (id) VALUES (1)');
    for (let n = 0; n < 8; n += 1) await inTransaction(tenants[n % 2]!);
    expect(await inTransaction(tenants[0]!)).toEqual([{ id: 1 }]);

    const runner = tenants[0]!.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT 1');
    expect(await newer.migrate()).toMatchObject({ status: 'succeeded' });
    await soon(async () => expect(noticed()).toBe(1));
    expect(await runner.query(TEXT, [1])).toEqual([{ id: '1' }]);
    await runner.commitTransaction();
    await runner.release();

    for (const tenant of tenants) await inTransaction(tenant);
    expect(await inTransaction(tenants[0]!)).toEqual([{ id: '1' }]);
    expect(noticed()).toBe(1); // two tenants of one place: once
  });
});
