import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeepPartial, EntityManager } from 'typeorm';
import { dataSourceOf } from '../../../../src/platform/postgres/typeorm-versions.js';
import { Author, Book } from '../../../support/data-source/library.entities.js';
import { TestTenants } from '../../../support/data-source/tenants.js';

let tenants: TestTenants;

beforeAll(async () => {
  tenants = await TestTenants.create();
});
afterEach(async () => {
  await tenants.expectRowsWithTheirOwners();
  await tenants.expectNothingHeld();
  await tenants.empty();
});
afterAll(() => tenants.close());

const book = (owner: string, isbn: string): DeepPartial<Book> => ({ owner, isbn, title: isbn });
const isbns = async (manager: EntityManager): Promise<string[]> =>
  (await manager.find(Book, { order: { isbn: 'ASC' } })).map(({ isbn }) => isbn);

describe('transactions over the shared graph', () => {
  it('commits, and rolls back as a whole', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      await dataSource.transaction((manager) => manager.save(Book, book(name, 'kept')));
      const failing = dataSource.transaction(async (manager) => {
        await manager.save(Book, book(name, 'lost'));
        expect(await isbns(manager)).toEqual(['kept', 'lost']);
        throw new Error(`from ${name}`);
      });
      await expect(failing).rejects.toThrow(`from ${name}`);
      expect(await isbns(dataSource.manager)).toEqual(['kept']);
    });
  });

  it('nests: an inner failure undoes the inner work only', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      await dataSource.transaction(async (outer) => {
        await outer.save(Book, book(name, 'a'));
        const inner = outer.transaction(async (manager) => {
          await manager.save(Book, book(name, 'b'));
          await manager.query('SELECT 1 / 0');
        });
        await expect(inner).rejects.toMatchObject({ driverError: { code: '22012' } });
        await outer.transaction(async (manager) => {
          await manager.save(Book, book(name, 'c'));
          await manager.transaction((innermost) => innermost.save(Book, book(name, 'd')));
        });
        expect(await isbns(outer)).toEqual(['a', 'c', 'd']);
      });
      expect(await isbns(dataSource.manager)).toEqual(['a', 'c', 'd']);
    });
  });

  for (const level of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const) {
    it(`runs at ${level}`, async () => {
      await tenants.each(async ({ name, dataSource }) => {
        const rows = await dataSource.transaction(level, async (manager) => {
          await manager.save(Book, book(name, '1'));
          return manager.query<unknown[]>('SHOW transaction_isolation');
        });
        expect(rows).toEqual([{ transaction_isolation: level.toLowerCase() }]);
      });
    });
  }

  it('works with a query runner, its manager and a repository of it', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const runner = dataSource.createQueryRunner();
      try {
        await runner.startTransaction();
        await runner.manager.getRepository(Book).insert(book(name, '1'));
        await runner.rollbackTransaction();
        await runner.startTransaction();
        await runner.manager.withRepository(dataSource.getRepository(Book)).insert(book(name, '2'));
        await runner.commitTransaction();
        expect(await isbns(runner.manager)).toEqual(['2']);
        expect(dataSourceOf(runner.manager)).toBe(dataSource);
      } finally {
        await runner.release();
      }
    });
  });

  it('rolls back what a released query runner left open', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.manager.save(Book, book(name, '1'));
      await runner.release();
      expect(await isbns(dataSource.manager)).toEqual([]);
    });
  });

  it('holds a pessimistic lock against its own tenant and not against others', async () => {
    const ids = await tenants.each(
      async ({ name, dataSource }) => (await dataSource.manager.save(Book, book(name, '1'))).id,
    );
    const acme = tenants.named('acme');
    const lock = (manager: EntityManager): Promise<Book | null> =>
      manager.createQueryBuilder(Book, 'b').setLock('pessimistic_write').setOnLocked('nowait').getOne();
    await acme.dataSource.transaction(async (manager) => {
      expect(await lock(manager)).toMatchObject({ id: ids['acme'] });
      await expect(acme.dataSource.transaction(lock)).rejects.toMatchObject({ driverError: { code: '55P03' } });
      expect(await tenants.named('umbrella').dataSource.transaction(lock)).toMatchObject({ id: ids['umbrella'] });
    });
  });

  it('locks with find options and skips locked rows', async () => {
    const [acme] = tenants.all;
    await acme?.dataSource.manager.save(Book, [book('acme', '1'), book('acme', '2')]);
    await acme?.dataSource.transaction(async (manager) => {
      await manager.findOneOrFail(Book, { where: { isbn: '1' }, lock: { mode: 'pessimistic_write' } });
      const free = await acme.dataSource.transaction((other) =>
        other.find(Book, { lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' } }),
      );
      expect(free).toMatchObject([{ isbn: '2' }]);
    });
  });

  it('saves many entities in chunks within one transaction', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const authors = Array.from({ length: 25 }, (_, n) =>
        dataSource.manager.create(Author, { owner: name, name: String(n), address: { city: 'C' } }),
      );
      await dataSource.manager.save(authors, { chunk: 10 });
      expect(await dataSource.manager.count(Author)).toBe(25);
    });
  });
});
