import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import {
  createTenantTable,
  dropTenantTable,
  IdentifierTooLongError,
} from '../../../../src/database/table-migrations/tenant-table.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { asOwner, migrate } from '../../../support/orders/orders-fixture.js';

const LONG = 'a_table_with_a_name_that_leaves_little_room_for_its_columns';
const ODD = `it's "odd"`;

class CreateShelves1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const id = 'uuid NOT NULL DEFAULT gen_random_uuid()';
    await createTenantTable(runner, 'shelves', { columns: { id, name: 'text NOT NULL' }, unique: [['name']] });
    await createTenantTable(runner, 'books', {
      columns: { id, shelf_id: 'uuid', owner_id: 'uuid', title: 'text NOT NULL', price: 'integer' },
      foreignKeys: [
        { columns: ['shelf_id'], references: { table: 'shelves' }, onDelete: 'SET NULL' },
        { columns: ['owner_id'], references: { table: 'shelves', columns: ['id'] } },
      ],
      indexes: [['title']],
      checks: { price: 'price > 0' },
    });
    await createTenantTable(runner, LONG, {
      columns: { id, first_column: 'text', second_column: 'text' },
      unique: [['first_column', 'second_column']],
      indexes: [['first_column'], ['second_column']],
    });
    await createTenantTable(runner, ODD, {
      columns: { 'the "id"': id },
      primaryKey: ['the "id"'],
      indexes: [['the "id"']],
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'books');
    await dropTenantTable(runner, 'shelves');
  }
}

let database: TenantDatabase;
let app: pg.Client;
const [acme, globex] = [randomUUID(), randomUUID()];

beforeAll(async () => {
  database = await createTenantDatabase();
  await migrate(database, [CreateShelves1764000000000]);
  const { server, role: user, password, database: name } = database.target;
  app = new pg.Client({ host: server.host, port: server.port, user, password, database: name });
  await app.connect();
  await app.query('SET search_path = app');
});
afterAll(async () => {
  await app.end();
  await database.drop();
});

/** Runs a statement as the application would, for one tenant or without one. */
async function as<Row extends pg.QueryResultRow>(tenant: string, text: string, values?: unknown[]): Promise<Row[]> {
  await app.query(`SELECT set_config('app.tenant_id', $1, false)`, [tenant]);
  return (await app.query<Row>(text, values)).rows;
}

async function addShelf(tenant: string, name: string): Promise<string> {
  const rows = await as<{ id: string }>(tenant, 'INSERT INTO shelves (name) VALUES ($1) RETURNING id', [name]);
  return rows[0]!.id;
}

async function constraints(table: string): Promise<string[]> {
  const rows = await database.admin<{ line: string }>(
    `SELECT conname || ': ' || pg_get_constraintdef(oid) AS line FROM pg_constraint
     WHERE conrelid = format('app.%I', $1::text)::regclass AND contype <> 'n' ORDER BY conname`,
    [table],
  );
  return rows.map(({ line }) => line);
}

async function indexNames(table: string): Promise<string[]> {
  const rows = await database.admin<{ indexname: string }>(
    `SELECT indexname FROM pg_indexes WHERE schemaname = 'app' AND tablename = $1 ORDER BY indexname`,
    [table],
  );
  return rows.map(({ indexname }) => indexname);
}

describe('a tenant table', () => {
  it('has keys that start with the tenant, with predictable names', async () => {
    expect(await constraints('books')).toEqual([
      'books_owner_id_fkey: FOREIGN KEY (tenant_id, owner_id) REFERENCES app.shelves(tenant_id, id)',
      'books_pkey: PRIMARY KEY (tenant_id, id)',
      'books_price_check: CHECK ((price > 0))',
      'books_shelf_id_fkey: FOREIGN KEY (tenant_id, shelf_id) REFERENCES app.shelves(tenant_id, id) ON DELETE SET NULL (shelf_id)',
    ]);
    expect(await constraints('shelves')).toContain('shelves_name_key: UNIQUE (tenant_id, name)');
    expect(await indexNames('books')).toEqual(['books_pkey', 'books_title_idx']);
  });

  it('has distinct names even where they are truncated, the same in every schema', async () => {
    const names = await indexNames(LONG);
    expect(names).toEqual([
      'a_table_with_a_name_that_leaves_little_room_for_i_8e302a30_pkey',
      'a_table_with_a_name_that_leaves_little_room_for_it_842ea2c8_idx',
      'a_table_with_a_name_that_leaves_little_room_for_it_e0e1e983_key',
      'a_table_with_a_name_that_leaves_little_room_for_it_ea4d5fac_idx',
    ]);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });

  it('is created under its given name, whatever characters it contains', async () => {
    expect(await as(acme, `INSERT INTO "it's ""odd""" DEFAULT VALUES RETURNING "the ""id"""`)).toHaveLength(1);
    expect(await indexNames(ODD)).toEqual([`${ODD}_pkey`, `${ODD}_the "id"_idx`]);
  });

  it("shows a tenant its own rows, and no statement another's", async () => {
    const id = await addShelf(acme, 'mine');
    expect(await as(acme, 'SELECT name FROM shelves')).toEqual([{ name: 'mine' }]);
    expect(await as(globex, 'SELECT name FROM shelves')).toEqual([]);
    expect(await as(globex, 'UPDATE shelves SET name = $1 WHERE id = $2 RETURNING id', ['x', id])).toEqual([]);
    expect(await as(globex, 'DELETE FROM shelves WHERE id = $1 RETURNING id', [id])).toEqual([]);
    expect(await as('', 'SELECT name FROM shelves')).toEqual([]);
    expect(await as(acme, 'SELECT name FROM shelves')).toEqual([{ name: 'mine' }]);
  });

  it('rejects a row of another tenant and a row without a tenant', async () => {
    const insert = 'INSERT INTO shelves (tenant_id, name) VALUES ($1, $2)';
    await expect(as(acme, insert, [globex, 'x'])).rejects.toThrow('row-level security');
    await expect(as('', insert, [globex, 'x'])).rejects.toThrow('row-level security');
    await expect(as('', `INSERT INTO shelves (name) VALUES ('x')`)).rejects.toThrow('row-level security');
  });

  it('rejects moving a row to another tenant', async () => {
    await addShelf(acme, 'to give away');
    await expect(as(acme, 'UPDATE shelves SET tenant_id = $1', [globex])).rejects.toThrow('row-level security');
  });

  it("rejects a reference to another tenant's row", async () => {
    const shelf = await addShelf(acme, 'of acme');
    const insert = 'INSERT INTO books (title, shelf_id) VALUES ($1, $2)';
    await as(acme, insert, ['ours', shelf]);
    await expect(as(globex, insert, ['theirs', shelf])).rejects.toMatchObject({ constraint: 'books_shelf_id_fkey' });
  });

  it('allows two tenants the same unique value', async () => {
    await addShelf(acme, 'same');
    await addShelf(globex, 'same');
    await expect(addShelf(acme, 'same')).rejects.toMatchObject({ constraint: 'shelves_name_key' });
  });

  it("keeps a row's tenant when the referenced row is deleted", async () => {
    const shelf = await addShelf(acme, 'short-lived');
    await as(acme, 'INSERT INTO books (title, shelf_id) VALUES ($1, $2)', ['left alone', shelf]);
    await as(acme, 'DELETE FROM shelves WHERE id = $1', [shelf]);
    expect(await as(acme, `SELECT tenant_id, shelf_id FROM books WHERE title = 'left alone'`)).toEqual([
      { tenant_id: acme, shelf_id: null },
    ]);
  });

  it('is searched through its index that starts with the tenant', async () => {
    const plan = await as<{ 'QUERY PLAN': string }>(acme, `EXPLAIN SELECT * FROM books WHERE title = 'x'`);
    const condition = plan.map((line) => line['QUERY PLAN']).find((line) => line.includes('Index Cond'));
    expect(condition).toMatch(/\(tenant_id = \(InitPlan 1\).*\) AND \(title = 'x'/);
  });

  it('shows the owner, who migrates, the rows of all tenants', async () => {
    await addShelf(acme, 'seen by the owner');
    await addShelf(globex, 'seen by the owner');
    const owner = new pg.Client({ connectionString: database.url });
    await owner.connect();
    const { rows } = await owner.query(`SELECT DISTINCT tenant_id FROM app.shelves WHERE name = 'seen by the owner'`);
    await owner.end();
    expect(rows).toHaveLength(2);
  });
});

describe('a table migration', () => {
  it('cannot use a name that PostgreSQL would truncate', async () => {
    const create = class extends CreateShelves1764000000000 {
      override up = (runner: QueryRunner): Promise<void> =>
        createTenantTable(runner, 'x'.repeat(64), { columns: { id: 'uuid' } });
    };
    await expect(migrate(database, [create])).rejects.toThrow(IdentifierTooLongError);
  });

  it('can be reverted', async () => {
    await asOwner(database, (runner) => new CreateShelves1764000000000().down(runner));
    const left = await database.admin(`SELECT FROM pg_tables WHERE schemaname = 'app' AND tablename = 'books'`);
    expect(left).toEqual([]);
  });
});
