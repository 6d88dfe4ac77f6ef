import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Author, Book, Tag } from '../../../support/data-source/library.entities.js';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';

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

/** An author with profile, country, two books and three tags, saved in one call through its cascades. */
async function saveAuthor({ name: owner, dataSource }: TestTenant): Promise<Author> {
  const tag = (label: string): Tag => Object.assign(new Tag(), { owner, label: `${owner} ${label}` });
  const common = tag('common');
  const book = (title: string): Book =>
    Object.assign(new Book(), {
      owner,
      isbn: `${owner} ${title}`,
      title: `${owner} ${title}`,
      tags: [common, tag(title)],
    });
  const author = Object.assign(new Author(), {
    owner,
    name: `${owner} author`,
    address: { city: `${owner} city`, country: { owner, name: `${owner} land` } },
    profile: { owner, motto: `${owner} motto` },
    books: [book('one'), book('two')],
  });
  return dataSource.manager.save(author);
}

describe('relations over the shared graph', () => {
  it('cascades an insert through every kind of relation', async () => {
    await tenants.each(async (tenant) => {
      const author = await saveAuthor(tenant);
      expect(author.books.map(({ id }) => typeof id)).toEqual(['number', 'number']);
    });
    for (const tenant of tenants.all) {
      const tables = ['author', 'profile', 'country', 'book', 'tag', 'book_tags_tag'];
      const counts = await Promise.all(tables.map((table) => tenants.countOutside(tenant, table)));
      expect(counts).toEqual([1, 1, 1, 2, 3, 4]);
    }
  });

  for (const relationLoadStrategy of ['join', 'query'] as const) {
    it(`loads relations by ${relationLoadStrategy}`, async () => {
      await tenants.each(saveAuthor);
      const loaded = await tenants.each(({ dataSource }) =>
        dataSource.getRepository(Author).find({
          relations: { address: { country: true }, books: { tags: true } },
          order: { books: { id: 'ASC', tags: { label: 'ASC' } } },
          relationLoadStrategy,
        }),
      );
      for (const [name, authors] of Object.entries(loaded)) {
        expect(authors).toHaveLength(1);
        const [author] = authors;
        expect(author).toMatchObject({
          name: `${name} author`,
          address: { city: `${name} city`, country: { name: `${name} land` } },
          profile: { motto: `${name} motto` },
        });
        const titles = author?.books.map((book) => [book.title, book.tags.map(({ label }) => label).sort()]);
        expect(titles).toEqual(['one', 'two'].map((it) => [`${name} ${it}`, [`${name} common`, `${name} ${it}`]]));
      }
    });
  }

  it('loads eager relations by default and omits them on request', async () => {
    await tenants.each(async (tenant) => {
      await saveAuthor(tenant);
      const repository = tenant.dataSource.getRepository(Author);
      expect((await repository.findOneByOrFail({})).profile).toMatchObject({ owner: tenant.name });
      expect((await repository.findOneOrFail({ where: {}, loadEagerRelations: false })).profile).toBeUndefined();
    });
  });

  it('finds through the inverse side of a many-to-many', async () => {
    await tenants.each(async (tenant) => {
      await saveAuthor(tenant);
      const tags = await tenant.dataSource.getRepository(Tag).find({
        where: { books: { title: `${tenant.name} one` } },
        relations: { books: true },
        order: { label: 'ASC' },
      });
      expect(tags.map(({ label }) => label)).toEqual([`${tenant.name} common`, `${tenant.name} one`]);
      for (const tag of tags) for (const book of tag.books) expect(book.owner).toBe(tenant.name);
    });
  });

  it('loads relation ids, by decorator and by option', async () => {
    await tenants.each(async (tenant) => {
      const author = await saveAuthor(tenant);
      const books = tenant.dataSource.getRepository(Book);
      expect((await books.find()).map(({ authorId }) => authorId)).toEqual([author.id, author.id]);
      const withIds = await tenant.dataSource.getRepository(Author).findOneOrFail({ where: {}, loadRelationIds: true });
      const ids = (withIds.books as unknown as number[]).toSorted((a, b) => a - b);
      expect(ids).toEqual(author.books.map(({ id }) => id));
      const [tagIds] = await books.find({ order: { id: 'ASC' }, loadRelationIds: { relations: ['tags'] } });
      const expected = author.books[0]?.tags.map(({ id }) => id).toSorted();
      expect((tagIds as unknown as { tags: string[] }).tags.toSorted()).toEqual(expected);
    });
  });

  it('adds, removes and reads through a relation query builder', async () => {
    await tenants.each(async (tenant) => {
      const author = await saveAuthor(tenant);
      const [first, second] = author.books as [Book, Book];
      const relation = (book: Book): ReturnType<typeof builder> => builder(tenant, book);
      await relation(first).remove(first.tags);
      await relation(second).addAndRemove([], second.tags.slice(0, 1));
      expect(await relation(first).loadMany()).toEqual([]);
      expect(await relation(second).loadMany()).toMatchObject([{ label: `${tenant.name} two` }]);
      expect(await tenants.countOutside(tenant, 'book_tags_tag')).toBe(1);
    });
  });

  it('replaces a many-to-many on save and removes orphaned junction rows', async () => {
    await tenants.each(async (tenant) => {
      const author = await saveAuthor(tenant);
      const [book] = author.books as [Book];
      book.tags = book.tags.slice(1);
      await tenant.dataSource.manager.save(book);
      const read = await tenant.dataSource.manager.findOneOrFail(Book, {
        where: { id: book.id },
        relations: { tags: true },
      });
      expect(read.tags.map(({ label }) => label)).toEqual([`${tenant.name} one`]);
    });
  });

  it('removes an author with everything the foreign keys cascade to, and no row of another tenant', async () => {
    const authors = await tenants.each(saveAuthor);
    const { acme } = authors;
    if (!acme) throw new Error('acme has no author');
    await tenants.named('acme').dataSource.manager.remove(acme);
    const counts = await tenants.each((tenant) => tenants.countOutside(tenant, 'book_tags_tag'));
    expect(counts).toEqual({ acme: 0, umbrella: 4, globex: 4, hooli: 4, initech: 4 });
  });

  it('does not link a row to one of another tenant', async () => {
    const authors = await tenants.each(saveAuthor);
    const foreign = authors['umbrella']?.id;
    if (foreign === undefined) throw new Error('umbrella has no author');
    const acme = tenants.named('acme').dataSource.getRepository(Book);
    const book = acme.create({ owner: 'acme', isbn: 'x', title: 'x', author: { id: foreign } });
    await expect(acme.insert(book)).rejects.toMatchObject({ driverError: { code: '23503' } });
  });

  it('counts with a virtual column', async () => {
    await tenants.each(async (tenant) => {
      await saveAuthor(tenant);
      expect((await tenant.dataSource.manager.findOneByOrFail(Author, {})).bookCount).toBe(2);
    });
  });
});

function builder({ dataSource }: TestTenant, book: Book) {
  return dataSource.createQueryBuilder().relation(Book, 'tags').of(book);
}
