import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Table, TableColumn } from 'typeorm';
import { migrateTables } from '../../../../../src/database/table-migrations/execution/migrate-tables.js';
import { previewMigrations } from '../../../../../src/database/table-migrations/preview/preview-migrations.js';
import { sampleSchema } from '../../../../support/sample-schema.js';
import {
  migration,
  MigrationFixture,
  recordStatements,
  stateOf,
} from '../../../../support/tables/migration-fixture.js';

const A = migration('A1764000000001', 'CREATE TABLE a (id int, name text)');
const B = migration('B1764000000002', async (runner) => {
  await runner.query('INSERT INTO a VALUES ($1, $2)', [1, `it's\nhere`]);
  if (!(await runner.hasTable('a'))) throw new Error('a is missing');
  await runner.addColumn('a', new TableColumn({ name: 'more', type: 'text', isNullable: true }));
  await runner.createTable(new Table({ name: 'b', columns: [{ name: 'id', type: 'int', isPrimary: true }] }));
});
const INDEX = migration('Index1764000000003', 'CREATE INDEX CONCURRENTLY a_id ON a (id)', false);
const FAILS = migration('Fails1764000000004', 'SELECT nothing FROM nowhere');

let fixture: MigrationFixture;
beforeAll(async () => {
  fixture = await MigrationFixture.create();
});
afterAll(() => fixture.close());

async function scratchSchemas(): Promise<number> {
  const rows = await fixture.database.admin(`SELECT FROM pg_namespace WHERE nspname LIKE 'tenantry_preview_%'`);
  return rows.length;
}

describe('a migration preview', () => {
  it("shows the statements of pending migrations, without TypeORM's own queries", async () => {
    const client = await fixture.client();
    expect(await previewMigrations(client, ['A1764000000001'], [A, B, INDEX])).toEqual([
      {
        migration: 'B1764000000002',
        sql: [
          'INSERT INTO a VALUES ($1, $2)\n-- $1 = 1, $2 = "it\'s\\nhere"',
          'ALTER TABLE "a" ADD "more" text',
          'CREATE TABLE "b" ("id" int NOT NULL, CONSTRAINT "PK_88835795171b73b5aea9ffb7b6c" PRIMARY KEY ("id"))',
        ],
      },
      { migration: 'Index1764000000003', sql: ['CREATE INDEX CONCURRENTLY a_id ON a (id)'] },
    ]);
  });

  it('equals what is run afterwards', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const preview = await previewMigrations(client, [], sampleSchema.migrations);
    expect(preview.map((step) => step.migration)).toEqual([
      'CreateCustomers1764000000000',
      'CreateOrders1764000001000',
      'CreateCountries1764000002000',
    ]);
    const sent = recordStatements(client);
    await migrateTables(client, tables, sampleSchema.migrations);
    const changes = sent.filter(
      (sql) => /^\s*(CREATE (TABLE|INDEX|POLICY)|ALTER|INSERT)/.test(sql) && !sql.includes('schema_migrations'),
    );
    expect(preview.flatMap(({ sql }) => sql)).toEqual(changes);
  });

  it('runs a migration that is merged late after the newer ones that tables have, and in its own place', async () => {
    const client = await fixture.client();
    const late = (sql: string) => migration('Late1764000000002', sql);
    const renames = migration('Renames1764000000003', 'ALTER TABLE a RENAME TO renamed');
    const preview = (sql: string) =>
      previewMigrations(client, ['A1764000000001', 'Renames1764000000003'], [A, late(sql), renames]);
    for (const table of ['a', 'renamed']) {
      await expect(preview(`ALTER TABLE ${table} ADD more text`)).rejects.toMatchObject({
        code: 'MIGRATION_FAILED',
        migration: 'Late1764000000002',
      });
    }
    const anywhere = 'CREATE TABLE other (id int)';
    expect(await preview(anywhere)).toEqual([{ migration: 'Late1764000000002', sql: [anywhere] }]);
    expect(await scratchSchemas()).toBe(0);
  });

  it('is empty, without opening a connection, when nothing is pending', async () => {
    const client = await fixture.client();
    const statements = recordStatements(client);
    expect(await previewMigrations(client, ['A1764000000001', 'B1764000000002'], [A, B])).toEqual([]);
    expect(statements).toEqual([]);
  });

  it('leaves nothing behind, even when a migration fails', async () => {
    const client = await fixture.client();
    const before = await stateOf(client);
    await previewMigrations(client, [], [A, B, INDEX]);
    await expect(previewMigrations(client, [], [A, FAILS])).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      migration: 'Fails1764000000004',
      sqlState: '42P01',
    });
    expect(await scratchSchemas()).toBe(0);
    expect(await stateOf(client)).toEqual(before);
  });

  it('locks no live table', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    await migrateTables(client, tables, [A]);
    const user = await fixture.client();
    await user.query(`BEGIN; LOCK TABLE ${tables.schema}.a`);
    await previewMigrations(client, ['A1764000000001'], [A, B], { lockTimeoutMs: 20, attempts: 1 });
    await user.query('COMMIT');
  });

  it('removes leftovers of a killed preview, but nothing of a running one', async () => {
    const client = await fixture.client();
    const killed = migration('B1764000000002', 'SELECT pg_terminate_backend(pg_backend_pid())');
    await expect(previewMigrations(client, [], [A, killed])).rejects.toThrow('B1764000000002');
    expect(await scratchSchemas()).toBe(1);
    const [outer, inner] = [await fixture.client(), await fixture.client()];
    let seen: number | undefined;
    const looks = migration('B1764000000002', async () => {
      await previewMigrations(inner, [], [A]);
      seen = await scratchSchemas();
    });
    await previewMigrations(outer, [], [A, looks]);
    expect(seen).toBe(1); // the outer one's own: the killed one's is gone, and so is the inner one's
    expect(await scratchSchemas()).toBe(0);
  });
});
