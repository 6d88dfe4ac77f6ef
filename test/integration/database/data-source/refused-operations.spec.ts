import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { RefusedOperationError } from '../../../../src/database/data-source/refused-operations.js';
import { Book } from '../../../support/data-source/library.entities.js';
import { TestTenants } from '../../../support/data-source/tenants.js';

let tenants: TestTenants;
let acme: DataSource;

beforeAll(async () => {
  tenants = await TestTenants.create();
  acme = tenants.named('acme').dataSource;
  await tenants.each(({ name: owner, dataSource }) =>
    dataSource.getRepository(Book).insert({ owner, isbn: '1', title: '1' }),
  );
});
/** After everything that was refused: all tenants still work and have their rows. */
afterEach(async () => {
  const found = await tenants.each(({ dataSource }) => dataSource.getRepository(Book).find());
  for (const [name, books] of Object.entries(found)) expect(books.map(({ owner }) => owner)).toEqual([name]);
  await tenants.expectNothingHeld();
});
afterAll(() => tenants.close());

describe("a tenant's data source refuses", () => {
  const operations: Readonly<Record<string, () => Promise<unknown>>> = {
    'initialize()': () => acme.initialize(),
    'destroy()': () => acme.destroy(),
    'synchronize()': () => acme.synchronize(true),
    'dropDatabase()': () => acme.dropDatabase(),
    'runMigrations()': () => acme.runMigrations(),
    'undoLastMigration()': () => acme.undoLastMigration(),
    'showMigrations()': () => acme.showMigrations(),
    'setOptions()': async () => acme.setOptions({ cache: true }),
    'driver.connect()': () => acme.driver.connect(),
    'driver.afterConnect()': () => acme.driver.afterConnect(),
    'driver.disconnect()': () => acme.driver.disconnect(),
    'driver.createSchemaBuilder()': async () => acme.driver.createSchemaBuilder(),
  };

  for (const [operation, call] of Object.entries(operations)) {
    it(`${operation}, with the reason`, async () => {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RefusedOperationError);
      expect(error).toMatchObject({ code: 'REFUSED_OPERATION', operation, reason: expect.stringMatching(/\w+ \w+/) });
    });
  }

  it('changes to what all tenants share: options, metadata, subscribers', () => {
    const metadata = acme.getMetadata(Book);
    const changes = [
      () => Object.assign(acme.options, { cache: true }),
      () => acme.entityMetadatas.pop(),
      () => acme.subscribers.push({}),
      () => acme.migrations.push({ up: async () => {}, down: async () => {} }),
      () => Object.assign(metadata, { tablePath: 'other.book' }),
      () => metadata.columns.pop(),
      () => Object.assign(metadata.columns[0] ?? {}, { databaseName: 'other' }),
      () => Object.assign(metadata.relations[0] ?? {}, { isEager: true }),
    ];
    for (const change of changes) expect(change).toThrow(TypeError);
  });
});

describe('a statement on something other than rows is refused', () => {
  it('such as TRUNCATE, which row-level security does not hold: repository.clear()', async () => {
    await expect(acme.getRepository(Book).clear()).rejects.toMatchObject({
      code: 'SESSION_STATEMENT_REFUSED',
    });
  });

  it('such as changes to tables, through the query runner of a tenant', async () => {
    const runner = acme.createQueryRunner();
    try {
      for (const change of [
        () => runner.clearDatabase(),
        () => runner.dropTable('author'),
        () => runner.query('ALTER TABLE book DISABLE ROW LEVEL SECURITY'),
        () => runner.query('CREATE TABLE mine (id int)'),
      ]) {
        await expect(change()).rejects.toMatchObject({ code: 'SESSION_STATEMENT_REFUSED' });
      }
    } finally {
      await runner.release();
    }
  });
});

describe('unlike a data source of its own', () => {
  it("query caching is ignored: every read goes to the tenant's database", async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const read = (): Promise<Book[]> =>
        dataSource.getRepository(Book).find({ cache: { id: 'books', milliseconds: 60_000 } });
      expect((await read()).map(({ owner }) => owner)).toEqual([name]);
      await dataSource.getRepository(Book).insert({ owner: name, isbn: '2', title: '2' });
      expect(await read()).toHaveLength(2);
      await dataSource.getRepository(Book).delete({ isbn: '2' });
      expect(dataSource.queryResultCache).toBeUndefined();
    });
  });

  it('reads for replicas go to the one connection target', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const runner = dataSource.createQueryRunner('slave');
      try {
        expect(await runner.manager.find(Book)).toMatchObject([{ owner: name }]);
      } finally {
        await runner.release();
      }
    });
  });

  it('two commands in one text are rejected by the server, with and without parameters', async () => {
    for (const parameters of [undefined, ['x']]) {
      const both = acme.query(`SELECT ${parameters ? '$1::text' : '1'}; DELETE FROM book`, parameters);
      await expect(both).rejects.toMatchObject({ driverError: { code: '42601' } });
    }
  });

  it('upsert on a key without the tenant is rejected: it is no unique key of a tenant table', async () => {
    const upsert = acme.getRepository(Book).upsert({ owner: 'acme', isbn: '1', title: 'x' }, ['isbn']);
    await expect(upsert).rejects.toMatchObject({ driverError: { code: '42P10' } });
  });

  it('a view shows one tenant its own rows when it is a security_invoker view', async () => {
    for (const { schema, database } of [tenants.named('acme')]) {
      await database.define(schema, 'CREATE VIEW safe_book WITH (security_invoker = true) AS SELECT * FROM book');
    }
    expect(await acme.query('SELECT owner FROM safe_book')).toEqual([{ owner: 'acme' }]);
  });
});
