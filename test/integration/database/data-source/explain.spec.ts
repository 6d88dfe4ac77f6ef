import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { type Placement, TenantDataSources } from '../../../../src/database/data-source/tenant-data-sources.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';

const REFUSED = { code: 'SESSION_STATEMENT_REFUSED', message: expect.stringContaining('EXPLAIN is refused') };
const EXPLAIN = `EXPLAIN SELECT * FROM notes WHERE body = 'x'`;
const POOL: AppConfig['pool'] = {
  ...POOL_OPTIONS,
  ...{ enabled: true, serverMaxConnections: 10, tenantMaxConcurrent: undefined, tenantMaxQueued: 10 },
};
const tenant = tenantIn('shared');
let database: TenantDatabase;
let opened: ConnectionPools[] = [];

beforeAll(async () => {
  database = await createNotesDatabase('shared');
});

afterAll(async () => {
  await Promise.all(opened.map((pools) => pools.close(1_000)));
  await database.drop();
});

/** What the statement and a session's statement answer: rows, or an error. */
async function explain(environment: AppConfig['environment'], shared: boolean): Promise<unknown[]> {
  const config = { environment, pool: POOL } as AppConfig;
  const pools = new ConnectionPools(config);
  opened = [...opened, pools];
  const dataSources = new TenantDataSources(config, { entities: [], migrations: [] }, pools);
  await dataSources.onModuleInit();
  const placement: Placement = {
    ...{ tenantId: tenant.id, schema: tenant.schema, limits: {} },
    target: { ...database.target, id: `${environment} ${shared}`, shared },
  };
  const ofStatement = (await dataSources
    .create(placement)
    .query(EXPLAIN)
    .catch((error: unknown) => error)) as unknown;
  const ofSession = await dataSources
    .session(placement, async (session) => (await session.query(EXPLAIN)).rows)
    .catch((error: unknown) => error);
  return [ofStatement, ofSession];
}

describe('EXPLAIN', () => {
  it('is refused in production where tenants share a target, in sessions too', async () => {
    expect(await explain('production', true)).toMatchObject([REFUSED, REFUSED]);
  });

  it.each([
    ['in development', 'development', true],
    ['for a tenant with a target of its own', 'production', false],
  ] as const)('answers %s', async (_where, environment, shared) => {
    const plan = expect.arrayContaining([{ 'QUERY PLAN': expect.any(String) }]);
    expect(await explain(environment, shared)).toEqual([plan, plan]);
  });
});
