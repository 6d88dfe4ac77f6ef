import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Isolation } from '../../../src/index.js';
import { checkTenantIsolation, describeTenantIsolation } from '../../../src/testing.js';
import { HostApplication } from '../../support/host/host-application.js';
import { LeakingPlacementsModule } from '../../support/testing/leaks/leaking-placements.module.js';
import { TestApp } from '../../support/test-app.js';

const ISOLATIONS = ['row', 'schema', 'database'] as const;

describe('the sample application', () => {
  let sample: TestApp;

  beforeAll(async () => {
    sample = await TestApp.start();
  });

  afterAll(async () => sample.dispose());

  describe.each(ISOLATIONS)('with tenants in %s isolation', (isolation) => {
    describeTenantIsolation(() => sample.application.nest, { isolation });
  });
});

describe('an application that leaks', () => {
  let host: HostApplication;

  beforeEach(async () => {
    host = await HostApplication.start({ adapter: 'fastify', imports: [LeakingPlacementsModule as never] });
    // Neighbours that the check has not made: they have the same tables in schemas of their own.
    await host.provision('neighbour', 'schema');
  });

  afterEach(async () => host.dispose());

  const lines = async (isolation: Isolation): Promise<string[]> => {
    const classify = { routes: { 'GET /own': 'public' }, tables: { drafts: 'tenant' } } as const;
    const findings = await checkTenantIsolation(host.nest, { isolation, classify, answerTimeoutMs: 1000 });
    return findings.map(({ where, message, code }) => {
      const place = where.startsWith('login role') ? 'login role' : where;
      return `${place}: ${message.replace(/\w+_[0-9a-f]{32}/, '<database>')} (${code})`;
    });
  };

  const ROUTES = [
    "GET /memos/report: answers with another tenant's rows of memos (ROUTE_LEAKS)",
    'GET /memos/cached: answers with rows of memos that it has shown to another tenant before (ROUTE_LEAKS_EARLIER_ANSWER)',
  ];
  const TABLE = 'table drafts: has no tenant_id: create it with createTenantTable (TABLE_NOT_ISOLATED)';

  it('is found out with a schema for each tenant, and each table is named once', async () => {
    expect(await lines('schema')).toEqual([
      TABLE,
      "entity Draft: raw SQL returns another tenant's rows (ENTITY_READS_OTHER_TENANT)",
      "entity Draft: an update reaches another tenant's row (ENTITY_CHANGES_OTHER_TENANT)",
      "entity Draft: a deletion reaches another tenant's row (ENTITY_CHANGES_OTHER_TENANT)",
      ...ROUTES,
    ]);
  });

  it('is found out with a database for each tenant, also where a login role may enter another one', async () => {
    expect(await lines('database')).toEqual([
      TABLE,
      'login role: may connect to <database>, the database of another tenant: revoke CONNECT (ROLE_BYPASSES_POLICIES)',
      ...ROUTES,
    ]);
  });
});
