import { afterEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { TenantryModule } from '../../../src/index.js';
import { checkTenantIsolation } from '../../../src/testing.js';
import { lineOf } from '../../../src/testing/isolation/finding.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { HostApplication, type HostOptions } from '../../support/host/host-application.js';
import { LeakingRoutesModule } from '../../support/testing/leaks/leaking-routes.module.js';
import {
  CREATE_DRAFTS,
  CREATE_EXPOSING,
  CREATE_MEMOS,
  DEFINER_FUNCTION,
  Draft,
  Memo,
} from '../../support/testing/leaks/leaking-tables.js';

@Module({
  imports: [TenantryModule.forFeature({ entities: [Memo], migrations: [CREATE_MEMOS, CREATE_EXPOSING] })],
})
class ExposingModule {}

@Module({ imports: [TenantryModule.forFeature({ entities: [Draft], migrations: [CREATE_DRAFTS] })] })
class DraftsModule {}

describe('checkTenantIsolation', () => {
  let host: HostApplication | undefined;

  afterEach(async () => host?.dispose());

  const start = async (options: HostOptions): Promise<HostApplication> => (host = await HostApplication.start(options));

  const lines = async (options = {}): Promise<string[]> =>
    (await checkTenantIsolation(host!.nest, { answerTimeoutMs: 1000, ...options })).map(
      ({ where, code }) => `${where} ${code}`,
    );

  it.each(['express', 'fastify'] as const)('names each route that leaks, once (%s)', async (adapter) => {
    await start({ adapter, imports: [LeakingRoutesModule as never] });
    expect((await lines()).toSorted()).toEqual([
      'GET /companies/:tenant/memos ROUTE_ANSWERS_ANYONE',
      'GET /memos/cached ROUTE_LEAKS_EARLIER_ANSWER',
      'GET /memos/feed ROUTE_LEAKS_EARLIER_ANSWER',
      'GET /memos/labelled ROUTE_LEAKS',
      'GET /memos/static ROUTE_LEAKS_CONCURRENTLY',
      'GET /memos/superuser ROUTE_LEAKS',
      'GET /own ROUTE_NOT_CLASSIFIED',
      'POST /memos/preferences ROUTE_CHANGES_OTHER_TENANT',
      'table labels TABLE_NOT_CLASSIFIED',
      'table preferences TABLE_NOT_CLASSIFIED',
    ]);
  });

  it('names each way in which an entity reaches rows of another tenant', async () => {
    await start({ adapter: 'express', imports: [DraftsModule as never] });
    const classify = { routes: { 'GET /own': 'public' }, tables: { drafts: 'tenant' } } as const;
    const findings = await checkTenantIsolation(host!.nest, { classify });
    expect(findings.map(lineOf)).toEqual([
      'table drafts: has no tenant_id: create it with createTenantTable (TABLE_NOT_ISOLATED)',
      ...['reading', 'reading by id', 'a relation', 'raw SQL', 'a stream'].map(
        (attempt) => `entity Draft: ${attempt} returns another tenant's rows (ENTITY_READS_OTHER_TENANT)`,
      ),
      ...['an update', 'a deletion', 'an upsert'].map(
        (attempt) => `entity Draft: ${attempt} reaches another tenant's row (ENTITY_CHANGES_OTHER_TENANT)`,
      ),
    ]);
  });

  it('names each object that lets the login role past the policies, once', async () => {
    const { database } = await start({ adapter: 'express', imports: [ExposingModule as never] });
    await host!.provision('first', 'row');
    const [target] = await database.admin<{ database: string }>('SELECT database FROM connection_targets');
    await asSuperuser(target!.database, DEFINER_FUNCTION);
    const findings = await checkTenantIsolation(host!.nest, { classify: { routes: { 'GET /own': 'public' } } });
    const role = findings[0]?.where;
    expect(role).toMatch(/^login role \w+_shared$/);
    expect(findings.map(lineOf)).toEqual([
      `${role}: may execute the function texts_of_memos(), which bypasses the policies (ROLE_BYPASSES_POLICIES)`,
      `${role}: may read the view shared.all_memos, which bypasses the policies (ROLE_BYPASSES_POLICIES)`,
      `${role}: may use the table shared.ledger, which has a tenant_id and no row-level security (ROLE_BYPASSES_POLICIES)`,
    ]);
  });
});
