import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Book } from '../../../support/data-source/library.entities.js';
import { TestTenants } from '../../../support/data-source/tenants.js';

interface Row {
  book_owner: string;
}

let tenants: TestTenants;

beforeAll(async () => {
  tenants = await TestTenants.create();
  await tenants.each(({ name: owner, dataSource }) =>
    dataSource
      .getRepository(Book)
      .insert(Array.from({ length: 300 }, (_, n) => ({ owner, isbn: String(n), title: String(n) }))),
  );
});
afterEach(() => tenants.expectNothingHeld());
afterAll(() => tenants.close());

describe('streams over the shared graph', () => {
  it('streams to each of several tenants at once its own rows', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      let count = 0;
      for await (const row of await dataSource.getRepository(Book).createQueryBuilder('book').stream()) {
        expect((row as unknown as Row).book_owner).toBe(name);
        count += 1;
      }
      expect(count).toBe(300);
    });
    await tenants.each(({ dataSource }) => dataSource.query('SELECT 1'));
  });

  it('streams inside a transaction, which continues afterwards', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      await dataSource.transaction(async (manager) => {
        const stream = await manager.createQueryBuilder(Book, 'book').where(`isbn < '2'`).stream();
        const owners = new Set<string>();
        for await (const row of stream) owners.add((row as unknown as Row).book_owner);
        expect(owners).toEqual(new Set([name]));
        expect(await manager.count(Book)).toBe(300);
      });
    });
  });

  it('releases the connection when the reader stops early', async () => {
    await tenants.each(async ({ dataSource }) => {
      const stream = await dataSource.getRepository(Book).createQueryBuilder('book').stream();
      const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
      for await (const row of stream) if (row) break;
      await closed;
      expect(await dataSource.getRepository(Book).count()).toBe(300);
    });
  });

  it('continues the transaction when the reader stops early', async () => {
    await tenants.each(async ({ dataSource }) => {
      await dataSource.transaction(async (manager) => {
        for await (const row of await manager.createQueryBuilder(Book, 'book').stream()) if (row) break;
        expect(await manager.count(Book)).toBe(300);
      });
    });
  });

  it('reports a failing statement to the reader and holds nothing afterwards', async () => {
    await tenants.each(async ({ dataSource }) => {
      const runner = dataSource.createQueryRunner();
      const read = async (): Promise<void> => {
        for await (const row of await runner.stream('SELECT 1 / (n - 50) FROM generate_series(1, 100) n')) void row;
      };
      await expect(read()).rejects.toMatchObject({ code: '22012' });
      await runner.release();
      await dataSource.query('SELECT 1');
    });
  });
});
