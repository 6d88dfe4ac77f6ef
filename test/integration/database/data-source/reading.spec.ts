import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ArrayContains, Between, ILike, In, IsNull, JsonContains, Like, MoreThan, Not, Raw } from 'typeorm';
import { Author, Book, Film, Medium, Song, Tag } from '../../../support/data-source/library.entities.js';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';

let tenants: TestTenants;

beforeAll(async () => {
  tenants = await TestTenants.create();
  await tenants.each(fill);
});
afterEach(() => tenants.expectNothingHeld());
afterAll(() => tenants.close());

/** Two authors with six books between them and two tags on every book. Titles are the same for every tenant. */
async function fill({ name: owner, dataSource: { manager } }: TestTenant): Promise<void> {
  const tags = await manager.save(['left', 'right'].map((label) => manager.create(Tag, { owner, label })));
  for (const writer of ['Ann', 'Bob']) {
    const author = await manager.save(manager.create(Author, { owner, name: writer, address: { city: owner } }));
    const books = [1, 2, 3].map((n) =>
      manager.create(Book, {
        ...{ owner, isbn: `${writer}-${n}`, title: `${writer} writes ${n}`, stock: n, author, tags },
        ...{ keywords: [writer, `k${n}`], details: { pages: n * 100 } },
      }),
    );
    await manager.save(books);
  }
}

describe('reading over the shared graph', () => {
  beforeEach(() => tenants.expectRowsWithTheirOwners());

  it('finds with every operator', async () => {
    const operators = {
      in: { title: In(['Ann writes 1', 'Bob writes 3', 'nobody']) },
      ilike: { title: ILike('%ANN%') },
      like: { title: Like('Bob%') },
      between: { stock: Between(2, 3) },
      moreThan: { stock: MoreThan(2) },
      not: { title: Not(In(['Ann writes 1'])) },
      isNull: { secret: IsNull() },
      arrayContains: { keywords: ArrayContains(['k2', 'Ann']) },
      jsonContains: { details: JsonContains({ pages: 300 }) },
      raw: { stock: Raw((column) => `${column} % 2 = :rest`, { rest: 1 }) },
      relation: { author: { name: 'Ann' } },
    };
    await tenants.each(async ({ name, dataSource }) => {
      const found: Record<string, number> = {};
      for (const [operator, where] of Object.entries(operators)) {
        const books = await dataSource.getRepository(Book).find({ where });
        expect(new Set(books.map(({ owner }) => owner))).toEqual(new Set([name]));
        found[operator] = books.length;
      }
      expect(found).toEqual({
        ...{ in: 2, ilike: 3, like: 3, between: 4, moreThan: 2, not: 5, isNull: 6 },
        ...{ arrayContains: 1, jsonContains: 2, raw: 4, relation: 3 },
      });
    });
  });

  it('counts, sums, averages and checks existence', async () => {
    await tenants.each(async ({ dataSource }) => {
      const books = dataSource.getRepository(Book);
      const figures = [
        await books.count(),
        await books.countBy({ stock: 1 }),
        await books.sum('stock'),
        await books.average('stock'),
        await books.minimum('stock'),
        await books.maximum('stock'),
        await books.exists({ where: { title: 'Ann writes 1' } }),
        await books.existsBy({ title: 'Ann writes 4' }),
      ];
      expect(figures).toEqual([6, 2, 12, 2, 1, 3, true, false]);
    });
  });

  it('pages through a join by entities, not by joined rows', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const page = (skip: number): Promise<[Book[], number]> =>
        dataSource
          .getRepository(Book)
          .createQueryBuilder('book')
          .innerJoinAndSelect('book.tags', 'tag')
          .innerJoinAndSelect('book.author', 'author')
          .orderBy('book.isbn')
          .skip(skip)
          .take(4)
          .getManyAndCount();
      const [[first, total], [second]] = await Promise.all([page(0), page(4)]);
      expect([total, first.length, second.length]).toEqual([6, 4, 2]);
      for (const book of [...first, ...second]) {
        expect(book.author?.owner).toBe(name);
        expect(book.tags.map(({ owner, label }) => `${owner} ${label}`).toSorted()).toEqual([
          `${name} left`,
          `${name} right`,
        ]);
      }
    });
  });

  it('pages with find options', async () => {
    await tenants.each(async ({ dataSource }) => {
      const [books, total] = await dataSource.getRepository(Book).findAndCount({
        relations: { tags: true, author: true },
        order: { author: { name: 'DESC' }, stock: 'ASC' },
        skip: 1,
        take: 2,
      });
      expect(total).toBe(6);
      expect(books.map(({ title }) => title)).toEqual(['Bob writes 2', 'Bob writes 3']);
    });
  });

  it('groups, selects from a subquery and reads through a common table expression', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const grouped = await dataSource
        .createQueryBuilder(Book, 'book')
        .select('author.name', 'name')
        .addSelect('sum(book.stock)::int', 'stock')
        .leftJoin('book.author', 'author')
        .where((qb) => `book.id IN ${qb.subQuery().select('b.id').from(Book, 'b').where('b.stock > 1').getQuery()}`)
        .groupBy('author.name')
        .orderBy('author.name')
        .getRawMany();
      expect(grouped).toEqual([
        { name: 'Ann', stock: 5 },
        { name: 'Bob', stock: 5 },
      ]);
      const few = dataSource.createQueryBuilder().select('b.owner', 'owner').from(Book, 'b').where('b.stock = 1');
      const owners = await dataSource
        .createQueryBuilder()
        .addCommonTableExpression(few, 'few')
        .select('few.owner', 'owner')
        .from('few', 'few')
        .getRawMany();
      expect(owners).toEqual([{ owner: name }, { owner: name }]);
    });
  });

  it('runs raw queries, with parameters, tagged, and from manager, repository and query runner', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const text = 'SELECT DISTINCT owner FROM book WHERE stock > $1';
      const runner = dataSource.createQueryRunner();
      try {
        const answers = [
          await dataSource.query(text, [1]),
          await dataSource.manager.query(text, [1]),
          await dataSource.getRepository(Book).query(text, [1]),
          await dataSource.sql`SELECT DISTINCT owner FROM book WHERE stock > ${1}`,
          await runner.query(text, [1]),
        ];
        for (const rows of answers) expect(rows).toEqual([{ owner: name }]);
      } finally {
        await runner.release();
      }
    });
  });

  it('distinguishes children of one table by their discriminator', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      await dataSource.manager.save([
        dataSource.manager.create(Film, { owner: name, title: 'Alien', minutes: 117 }),
        dataSource.manager.create(Song, { owner: name, title: 'Help!', band: 'B' }),
      ]);
      expect(await dataSource.manager.find(Film)).toMatchObject([{ owner: name, minutes: 117 }]);
      const media = await dataSource.manager.find(Medium, { order: { title: 'ASC' } });
      expect(media.map((medium) => medium.constructor)).toEqual([Film, Song]);
    });
  });

  it('does not describe tables: the catalogs of a database name the schemas of all its tenants', async () => {
    await tenants.each(async ({ dataSource }) => {
      const runner = dataSource.createQueryRunner();
      const refused = { code: 'SESSION_STATEMENT_REFUSED' };
      try {
        await expect(runner.getTable('author')).rejects.toMatchObject(refused);
        await expect(runner.hasTable('author')).rejects.toMatchObject(refused);
      } finally {
        await runner.release();
      }
    });
  });
});
