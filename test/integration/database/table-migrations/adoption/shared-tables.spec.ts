import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { AdoptionRun } from '../../../../../src/database/table-migrations/adoption/adoption-run.js';
import { planSchema, stepsOf } from '../../../../../src/database/table-migrations/adoption/plan-schema.js';
import { catalogSnapshot, rowHashes } from '../../../../support/adoption/snapshot.js';
import { shopSql } from '../../../../support/adoption/shop.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../../../support/postgres/postgres.js';

const OPTIONS = { tenantColumn: 'company_id', tenantsTable: { table: 'companies', column: 'id' }, leftOut: [] };
const KEYS = { kind: 'hashed', namespace: 'shop' } as const;

let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase('shop');
  await database.admin(`ALTER SCHEMA public OWNER TO ${testServer().owner}`);
  owner = new pg.Client(database.url);
  await owner.connect();
  await owner.query(shopSql(3));
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

describe('adopting shared tables', () => {
  it('runs, and leaves the database as it was when it is taken back', async () => {
    const before = await catalogSnapshot(owner);
    const rows = await rowHashes(owner, 'public');
    const plan = await planSchema(owner, 'public', { ...OPTIONS, tenantKeys: ['1', '2', '3'] });
    console.log(plan.findings);
    const steps = stepsOf(plan, { schema: 'public', keys: KEYS });
    if (process.env['SHOW'])
      console.log(
        steps
          .map((s) => [s.table, s.name, s.concurrently?.statement, ...s.run, '--', ...s.finish].join('\n'))
          .join('\n\n'),
      );
    await new AdoptionRun(owner, 'public').run(() => Promise.resolve(steps));
    await new AdoptionRun(owner, 'public').undo();
    expect(await catalogSnapshot(owner)).toEqual(before);
    expect(await rowHashes(owner, 'public')).toEqual(rows);
    await new AdoptionRun(owner, 'public').run(() => Promise.resolve(steps));
    await new AdoptionRun(owner, 'public').finish();
    console.log(await catalogSnapshot(owner));
  });
});
