import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { describeUnusableIndex, unusableIndexes } from '../../../../src/database/leakproof/unusable-indexes.js';
import { asSuperuser } from '../../../support/postgres/postgres.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { EXTENSIONS, SEARCHES, searchedTableSql } from '../../../support/leakproof/searched-rows.js';

let database: TenantDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTenantDatabase();
  await asSuperuser(database.name, EXTENSIONS.map((name) => `CREATE EXTENSION ${name} SCHEMA public`).join(';'));
  for (const schema of ['searches', 'empty']) {
    await database.define(
      schema,
      `SET search_path = ${schema}, public; ${searchedTableSql([randomUUID(), randomUUID()])}`,
    );
  }
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

async function mark(signature: string, leakproof: boolean): Promise<void> {
  await asSuperuser(database.name, `ALTER FUNCTION ${signature} ${leakproof ? '' : 'NOT '}LEAKPROOF`);
}

describe('indexes that policies make useless', () => {
  it('are found with the kinds of operators that would mend them, and no longer once those are marked', async () => {
    const found = await unusableIndexes(owner, ['searches']);
    expect(Object.fromEntries(found.map(({ index, kinds }) => [index.replace('by_', ''), kinds]))).toEqual(
      Object.fromEntries(Object.keys(SEARCHES).map((kind) => [kind, [kind]])),
    );
    expect(found.find(({ index }) => index === 'by_lower')).toMatchObject({
      ...{ table: 'searched', schemas: ['searches'], columns: ['lower(email)'] },
    });
    for (const signature of ['numeric_eq(numeric, numeric)', 'lower(text)']) await mark(signature, true);
    const left = (await unusableIndexes(owner, ['searches'])).map(({ index }) => index);
    expect(left).not.toContain('by_numeric');
    expect(left).not.toContain('by_lower');
    expect(left).toHaveLength(found.length - 2);
    for (const signature of ['numeric_eq(numeric, numeric)', 'lower(text)']) await mark(signature, false);
  });

  it('are one finding for all schemas that have them, and those of tables without policies are none', async () => {
    await owner.query('ALTER TABLE empty.searched DISABLE ROW LEVEL SECURITY');
    const schemas = ['empty', 'searches', 'nowhere'];
    expect((await unusableIndexes(owner, schemas)).map((index) => index.schemas)).toEqual(
      Object.keys(SEARCHES).map(() => ['searches']),
    );
    await owner.query('ALTER TABLE empty.searched ENABLE ROW LEVEL SECURITY');
    expect((await unusableIndexes(owner, schemas)).map((index) => index.schemas)).toEqual(
      Object.keys(SEARCHES).map(() => ['empty', 'searches']),
    );
  });

  it.each([
    ['searched (tenant_id, id, amount)', undefined],
    ['searched (tenant_id, email text_pattern_ops)', undefined],
    ['searched (tenant_id, coalesce(email, nickname::text))', undefined],
    ['searched USING gin (tenant_id, id)', undefined],
    ['searched (tenant_id, amount, id)', ['numeric']],
    ['searched (amount)', ['numeric']],
    ['searched (tenant_id, lower(during))', []], // lower() of ranges is another function
    ['searched (tenant_id, (amount * 100))', []],
    ['searched USING gin (tenant_id, words)', []],
    ['searched USING gin (tenant_id, data jsonb_path_ops)', []],
    ['searched USING gin (tenant_id, code gin_trgm_ops)', []],
    ['searched (tenant_id, (ARRAY[code]))', []],
    [`searched (tenant_id, ((data ->> 'sku')::int))`, []],
  ])('%s: %j', async (index, kinds) => {
    await owner.query(`SET search_path = searches, public; CREATE INDEX probe ON ${index}`);
    try {
      expect((await unusableIndexes(owner, ['searches'])).find((found) => found.index === 'probe')?.kinds).toEqual(
        kinds,
      );
    } finally {
      await owner.query('DROP INDEX searches.probe');
    }
  });

  it('are described in one line, which no name breaks out of', async () => {
    await owner.query(`SET search_path = searches, public; CREATE INDEX "a\n*/ x();\u2028// b" ON searched (amount)`);
    try {
      const [found] = (await unusableIndexes(owner, ['searches'])).filter(({ index }) => index.startsWith('a'));
      expect(found && describeUnusableIndex(found)).toMatch(
        /^Index a \*\/ x\(\); \/\/ b of searched: conditions on amount [^\n\u2028]*$/,
      );
    } finally {
      await owner.query(`DROP INDEX searches."a\n*/ x();\u2028// b"`);
    }
  });
});
