import { afterEach, describe, expect, it } from '@jest/globals';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { createTenantTable, TenantryModule } from '../../../src/index.js';
import { checkTenantIsolation, describeTenantIsolation, type IsolationOptions } from '../../../src/testing.js';
import { lineOf } from '../../../src/testing/isolation/finding.js';
import { HostApplication } from '../../support/host/host-application.js';
import { CREATE_MEMOS, Memo } from '../../support/testing/leaks/leaking-tables.js';
import { migration } from '../../support/tables/migration-fixture.js';

type Feature = Parameters<typeof TenantryModule.forFeature>[0];

function moduleOf(feature: Feature): Type | DynamicModule {
  @Module({ imports: [TenantryModule.forFeature(feature)] })
  class FaultyModule {}
  return FaultyModule;
}

/** The application may write into it, and not read it. */
@Entity('mailbox', { synchronize: false })
class Letter {
  @PrimaryColumn('uuid') id: string;
  @Column('text') text: string;
}

const columns = { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' };

describe('the isolation check names in one line', () => {
  let host: HostApplication | undefined;

  afterEach(async () => host?.dispose());

  const lines = async (feature: Feature, options: IsolationOptions = {}): Promise<string[]> => {
    host = await HostApplication.start({ adapter: 'express', imports: [moduleOf(feature) as never] });
    const classify = { routes: { 'GET /own': 'public' }, ...options.classify } as const;
    return (await checkTenantIsolation(host.nest, { ...options, classify })).map(lineOf);
  };

  it('each table that is made in a way that does not keep tenants apart', async () => {
    const faults = migration('CreateFaults1764100000015', async (runner) => {
      await createTenantTable(runner, 'coupons', { columns });
      await runner.query('CREATE UNIQUE INDEX coupons_text ON coupons (text)');
      await createTenantTable(runner, 'opened', { columns });
      await runner.query('ALTER POLICY tenant_select ON opened USING (true)');
      await runner.query('CREATE TABLE countries (id text PRIMARY KEY)');
      await runner.query('GRANT SELECT, INSERT ON countries TO PUBLIC');
      await runner.query('CREATE TABLE currencies (id text PRIMARY KEY)');
      await runner.query('GRANT SELECT ON currencies TO PUBLIC');
      await runner.query('CREATE TABLE mailbox (id uuid PRIMARY KEY, text text NOT NULL)');
      await runner.query('GRANT INSERT ON mailbox TO PUBLIC');
    });
    const feature = { entities: [Memo, Letter], migrations: [CREATE_MEMOS, faults] };
    const tables = { countries: 'shared', currencies: 'shared', mailbox: 'tenant' } as const;
    expect(await lines(feature, { classify: { tables } })).toEqual([
      'table countries: it is shared, but each tenant may write to it: grant SELECT only (SHARED_TABLE_WRITABLE)',
      'table mailbox: has no tenant_id: create it with createTenantTable (TABLE_NOT_ISOLATED)',
      'table opened: has a different condition in its policy tenant_select: create it with createTenantTable (TABLE_NOT_ISOLATED)',
      "table coupons: its unique index coupons_text lacks tenant_id: an insert or upsert meets another tenant's row (KEY_WITHOUT_TENANT)",
      ...['reading', 'reading by id', 'a relation', 'raw SQL', 'a stream'].map(
        (attempt) => `entity Letter: ${attempt} failed: permission denied for table mailbox (CHECK_FAILED)`,
      ),
    ]);
  });

  it('a table that inherits a tenant’s columns and not its policies, and no route that has nothing to do with it', async () => {
    const archive = migration('CreateArchive1764100000018', async (runner) => {
      await createTenantTable(runner, 'events', { columns });
      await runner.query('CREATE TABLE events_archive () INHERITS (events)');
      await runner.query('GRANT SELECT ON events_archive TO PUBLIC');
    });
    expect(await lines({ migrations: [archive] })).toEqual([
      expect.stringMatching(
        /^login role \w+: may use the table shared\.events_archive, which has a tenant_id and no row-level security \(ROLE_BYPASSES_POLICIES\)$/,
      ),
    ]);
  });

  it('each finding of an area in the error of one test', async () => {
    const labels = migration('CreateLabels1764100000017', async (runner) => {
      await runner.query('CREATE TABLE labels (id uuid PRIMARY KEY)');
      await runner.query('GRANT SELECT ON labels TO PUBLIC');
    });
    host = await HostApplication.start({ adapter: 'express', imports: [moduleOf({ migrations: [labels] }) as never] });
    const tests: (() => Promise<void>)[] = [];
    const runner = {
      describe: (_title: string, register: () => void) => register(),
      it: (_title: string, test: () => Promise<void>) => tests.push(test),
    };
    describeTenantIsolation(() => host!.nest, { runner });
    const errors = await Promise.all(tests.map((test) => test().catch((error: unknown) => error)));
    const table =
      'table labels: has no tenant_id, and it is not classified: create it with createTenantTable or createReferenceTable, or classify it';
    const route = 'GET /own: it has no decorator: add @TenantScoped() or @Public(), or classify it';
    expect(errors).toEqual([
      expect.objectContaining({ code: 'TENANTS_NOT_ISOLATED', findings: [`${table} (TABLE_NOT_CLASSIFIED)`] }),
      undefined,
      expect.objectContaining({ code: 'TENANTS_NOT_ISOLATED', findings: [`${route} (ROUTE_NOT_CLASSIFIED)`] }),
    ]);
    expect((errors[0] as Error).message).toContain(table);
  });

  it('each table whose policies are right, but call a function that believes any stamp', async () => {
    const weaken = migration('Weaken1764100000016', (runner) =>
      runner.query(`CREATE OR REPLACE FUNCTION tenantry_isolation.may_read() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS $$ SELECT nullif(current_setting('app.tenant_id', true), '')::uuid $$`),
    );
    expect(await lines({ entities: [Memo], migrations: [CREATE_MEMOS, weaken] })).toEqual(
      ['memos', 'notes'].map(
        (table) =>
          `table ${table}: a cursor of the login role under another tenant's id and its own proof returns another tenant's rows (ENTITY_READS_OTHER_TENANT)`,
      ),
    );
  });
});
