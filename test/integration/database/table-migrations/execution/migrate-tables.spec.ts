import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createTenantTable } from '../../../../../src/database/table-migrations/tenant-table.js';
import { migrateTables } from '../../../../../src/database/table-migrations/execution/migrate-tables.js';
import {
  MigrationFailedError,
  MigrationNotRecordedError,
} from '../../../../../src/database/table-migrations/execution/migration.errors.js';
import { recordedMigrations } from '../../../../../src/database/table-migrations/versions/recorded-migrations.js';
import { sampleSchema } from '../../../../support/sample-schema.js';
import { TENANT_COLUMN, tenantPolicy } from '../../../../support/postgres/tenant-database.js';
import {
  migration,
  MigrationFixture,
  recordStatements,
  stateOf,
} from '../../../../support/tables/migration-fixture.js';

const A = migration('A1764000000001', `CREATE TABLE a (id int, ${TENANT_COLUMN}); ${tenantPolicy('a')}`);
const B = migration('B1764000000002', 'CREATE TABLE b (id int)');
const C = migration('C1764000000003', 'CREATE TABLE c (id int)');
const B_FAILS = migration('B1764000000002', async (runner) => {
  await runner.query('CREATE TABLE b (id int)');
  await runner.query(`SELECT 'secret'::int`);
});
const A_INDEX = migration('Index1764000000004', 'CREATE INDEX CONCURRENTLY a_id ON a (id)', false);

let fixture: MigrationFixture;
beforeAll(async () => {
  fixture = await MigrationFixture.create();
});
afterAll(() => fixture.close());

describe('migrating a schema', () => {
  it('runs unrecorded migrations in timestamp order and returns what it ran', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    expect(await recordedMigrations(client, tables.schema)).toEqual([]);
    expect(await migrateTables(client, tables, [B, A])).toMatchObject({
      version: 'B1764000000002',
      applied: ['A1764000000001', 'B1764000000002'],
    });
    expect(await migrateTables(client, tables, [C, A, B])).toEqual({
      version: 'C1764000000003',
      recorded: ['A1764000000001', 'B1764000000002', 'C1764000000003'],
      applied: ['C1764000000003'],
    });
    expect(await recordedMigrations(client, tables.schema)).toEqual([
      'A1764000000001',
      'B1764000000002',
      'C1764000000003',
    ]);
  });

  it('continues after migrations that TypeORM itself recorded in the same table', async () => {
    const [client, { schema, role }] = [await fixture.client(), await fixture.tables()];
    const typeorm = new DataSource({
      ...{ type: 'postgres', url: fixture.database.url, schema, migrations: [A], installExtensions: false },
      ...{ migrationsTableName: 'schema_migrations', extra: { options: `-c search_path=${schema}` } },
    });
    await typeorm.initialize();
    await typeorm.runMigrations({ transaction: 'each' });
    await typeorm.destroy();
    expect((await migrateTables(client, { schema, role }, [A, B])).applied).toEqual(['B1764000000002']);
    const { rows } = await client.query(`SELECT id, timestamp, name FROM ${schema}.schema_migrations ORDER BY id`);
    expect(rows).toEqual([
      { id: 1, timestamp: '1764000000001', name: 'A1764000000001' },
      { id: 2, timestamp: '1764000000002', name: 'B1764000000002' },
    ]);
  });

  it('grants the role tables restricted by policies and nothing else, even when only grants are missing', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const rights = async (): Promise<unknown> => {
      const { rows } = await client.query(
        `SELECT relname, has_table_privilege($2, oid, 'INSERT') AS may FROM pg_class
         WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY 1`,
        [tables.schema, fixture.role],
      );
      return rows;
    };
    await migrateTables(client, tables, [A, B]);
    const expected = [
      { relname: 'a', may: true },
      { relname: 'b', may: false },
      { relname: 'schema_migrations', may: false },
    ];
    expect(await rights()).toEqual(expected);
    await client.query(`REVOKE ALL ON ${tables.schema}.a FROM ${fixture.role}`);
    await migrateTables(client, tables, [A, B]);
    expect(await rights()).toEqual(expected);
  });

  it('grants sequences of granted tables only, and takes back what a former version granted', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const { schema } = tables;
    const C = migration('C1764000000001', async (runner) => {
      await createTenantTable(runner, 'notes', { columns: { id: 'serial', place: 'int' } });
      await runner.query(
        `CREATE SEQUENCE places; ALTER TABLE notes ALTER place SET DEFAULT nextval('places');
         CREATE TABLE plain (id serial)`,
      );
    });
    const usable = async (): Promise<unknown> => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class
         WHERE relnamespace = $1::regnamespace AND relkind = 'S'
           AND CASE WHEN relkind = 'S' THEN has_sequence_privilege($2, oid, 'USAGE') END ORDER BY 1`,
        [schema, fixture.role],
      );
      return rows.map(({ name }) => name);
    };
    await migrateTables(client, tables, [C]);
    expect(await usable()).toEqual(['notes_id_seq', 'places']);
    await client.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${fixture.role}`);
    await migrateTables(client, tables, [C]);
    expect(await usable()).toEqual(['notes_id_seq', 'places']);
  });

  it("lets the role execute functions, but none with its owner's rights unless it is trusted", async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const { schema, role } = tables;
    const seen: unknown[] = [];
    const executable = async (): Promise<string[]> => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT proname AS name FROM pg_proc WHERE pronamespace = $1::regnamespace AND has_function_privilege($2, oid, 'EXECUTE')
         ORDER BY 1`,
        [schema, role],
      );
      return rows.map(({ name }) => name);
    };
    const C = migration(
      'C1764000000001',
      `CREATE FUNCTION plain() RETURNS int LANGUAGE sql AS 'SELECT 1';
       CREATE FUNCTION mighty(amount int, label text) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
       CREATE FUNCTION trusted() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
       CREATE PROCEDURE sweep() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`,
    );
    // The transaction of the first one is committed when the second one begins.
    const D = migration('D1764000000002', async () => void seen.push(...(await executable())));
    await migrateTables(client, tables, [C, D], { trustedFunctions: [`${schema}.trusted`] });
    expect(seen).toEqual(['plain', 'trusted']);
    await client.query(`GRANT EXECUTE ON FUNCTION ${schema}.mighty TO ${role}`);
    await migrateTables(client, tables, [C, D], { trustedFunctions: [`${schema}.trusted`] });
    expect(await executable()).toEqual(['plain', 'trusted']);
  });

  it('costs seven statements when there is nothing to do, and writes nothing', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    await migrateTables(client, tables, sampleSchema.migrations);
    const changes = `SELECT xmin::text FROM pg_class WHERE relnamespace = $1::regnamespace ORDER BY oid`;
    const before = await client.query(changes, [tables.schema]);
    const statements = recordStatements(client);
    expect(await migrateTables(client, tables, sampleSchema.migrations)).toMatchObject({
      version: 'CreateCountries1764000002000',
      applied: [],
    });
    expect(statements).toHaveLength(7);
    expect((await client.query(changes, [tables.schema])).rows).toEqual(before.rows);
  });

  it('sends nothing for a new schema that reads the tables of all schemas, and looks at its indexes once', async () => {
    const client = await fixture.client();
    await migrateTables(client, await fixture.tables(), sampleSchema.migrations);
    const statements = recordStatements(client);
    await migrateTables(client, await fixture.tables(), sampleSchema.migrations);
    expect(statements.length).toBeGreaterThan(10);
    expect(statements.filter((text) => /information_schema|pg_amop/.test(text))).toEqual([]);
  });

  it('leaves no settings on the connection, whatever the outcome', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    await client.query(`SET search_path = pg_temp, public; SET lock_timeout = '17s'`);
    const before = await stateOf(client);
    await migrateTables(client, tables, [A]);
    expect(await stateOf(client)).toEqual(before);
    await expect(migrateTables(client, tables, [A, B_FAILS])).rejects.toThrow(MigrationFailedError);
    expect(await stateOf(client)).toEqual(before);
    const sets = migration('Sets1764000000009', `SET search_path = public; SET lock_timeout = '1h'`);
    await migrateTables(client, tables, [sets]);
    expect(await stateOf(client)).toEqual({ ...before, locks: 0, transaction: 'I' });
  });
});

describe('a migration that fails', () => {
  it('is rolled back, keeps earlier ones, stops later ones, and is resumed by the next run', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const failure = await migrateTables(client, tables, [A, B_FAILS, C]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MigrationFailedError);
    expect(failure).toMatchObject({
      code: 'MIGRATION_FAILED',
      migration: 'B1764000000002',
      sqlState: '22P02',
      postgresMessage: 'invalid input syntax for type integer: "secret"',
      message: 'migration B1764000000002 failed (SQLSTATE 22P02)',
    });
    expect(await recordedMigrations(client, tables.schema)).toEqual(['A1764000000001']);
    expect(await fixture.exists(`${tables.schema}.b`)).toBe(false);
    expect(await fixture.exists(`${tables.schema}.c`)).toBe(false);
    expect((await migrateTables(client, tables, [A, B, C])).applied).toEqual(['B1764000000002', 'C1764000000003']);
  });

  it('is not repeated, and releases the schema lock', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    let runs = 0;
    const counts = migration('Counts1764000000001', async (runner) => {
      runs += 1;
      await runner.query('SELECT 1/0');
    });
    await expect(migrateTables(client, tables, [counts])).rejects.toMatchObject({ sqlState: '22012' });
    expect(runs).toBe(1);
    expect((await migrateTables(await fixture.client(), tables, [A])).applied).toHaveLength(1);
  });

  it('includes one that leaves a transaction open, which would never be committed', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const open = migration('Open1764000000005', 'BEGIN; CREATE TABLE lost (id int)', false);
    await expect(migrateTables(client, tables, [open])).rejects.toMatchObject({
      migration: 'Open1764000000005',
      cause: { code: 'MIGRATION_LEFT_TRANSACTION' },
    });
    expect(await recordedMigrations(client, tables.schema)).toEqual([]);
    expect(client.getTransactionStatus()).toBe('I');
  });

  it('reports a missing schema', async () => {
    const client = await fixture.client();
    await expect(migrateTables(client, { schema: 'nowhere', role: fixture.role }, [A])).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      migration: undefined,
      sqlState: '3F000',
    });
  });

  it('never counts as applied when it is not recorded', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const forgets = migration('Forgets1764000000002', `DELETE FROM schema_migrations WHERE name = 'A1764000000001'`);
    const failure = await migrateTables(client, tables, [A, forgets]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MigrationNotRecordedError);
    expect(failure).toMatchObject({ missing: ['A1764000000001'] });
  });
});

describe('two runs on one schema', () => {
  it('run one after the other, and the second finds nothing to do', async () => {
    const tables = await fixture.tables();
    const clients = await Promise.all(Array.from({ length: 4 }, () => fixture.client()));
    const runs = await Promise.all(clients.map((client) => migrateTables(client, tables, [A, B, C])));
    expect(runs.map(({ applied }) => applied.length).toSorted()).toEqual([0, 0, 0, 3]);
    expect(new Set(runs.map(({ version }) => version))).toEqual(new Set(['C1764000000003']));
  });

  it('do not deadlock when one runs CREATE INDEX CONCURRENTLY, which waits for every older snapshot', async () => {
    const tables = await fixture.tables();
    const [first, second] = [await fixture.client(), await fixture.client()];
    let second_: Promise<unknown> = Promise.resolve();
    const starts = migration('Starts1764000000003', async () => {
      second_ = migrateTables(second, tables, [A, starts, A_INDEX]);
    });
    const { applied } = await migrateTables(first, tables, [A, starts, A_INDEX]);
    expect(applied).toEqual(['A1764000000001', 'Starts1764000000003', 'Index1764000000004']);
    expect(await second_).toMatchObject({ applied: [] });
    const { rows } = await first.query('SELECT indisvalid FROM pg_index WHERE indexrelid = $1::regclass', [
      `${tables.schema}.a_id`,
    ]);
    expect(rows).toEqual([{ indisvalid: true }]);
  });
});

describe('a run whose connection is killed', () => {
  it('has applied whole migrations only, and the next run completes', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    let shots = 0;
    const isKilled = migration('B1764000000002', async (runner) => {
      await runner.query('CREATE TABLE b (id int)');
      if (shots++ === 0) await runner.query('SELECT pg_terminate_backend(pg_backend_pid())');
    });
    await expect(migrateTables(client, tables, [A, isKilled, C])).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      migration: 'B1764000000002',
    });
    const other = await fixture.client();
    expect(await recordedMigrations(other, tables.schema)).toEqual(['A1764000000001']);
    expect(await fixture.exists(`${tables.schema}.b`)).toBe(false);
    expect((await migrateTables(other, tables, [A, isKilled, C])).applied).toEqual([
      'B1764000000002',
      'C1764000000003',
    ]);
  });
});
