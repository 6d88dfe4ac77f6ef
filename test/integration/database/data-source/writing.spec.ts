import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type DeepPartial, OptimisticLockVersionMismatchError } from 'typeorm';
import { Author, Book, Note, type Setting, SettingSchema } from '../../../support/data-source/library.entities.js';
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

/** Every tenant has the same values, so that only the tenant distinguishes the rows. */
function book(owner: string, isbn: string, more: DeepPartial<Book> = {}): DeepPartial<Book> {
  return { owner, isbn, title: `Title ${isbn}`, ...more };
}

describe('writing over the shared graph', () => {
  it("upserts on a key that is unique per tenant and changes only that tenant's row", async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const books = dataSource.getRepository(Book);
      await books.upsert(book(name, '1', { stock: 1 }), ['tenantId', 'isbn']);
      await books.upsert(book(name, '1', { stock: 2, title: `by ${name}` }), ['tenantId', 'isbn']);
    });
    const rows = await tenants.each(({ dataSource }) => dataSource.getRepository(Book).find());
    for (const [name, found] of Object.entries(rows)) expect(found).toMatchObject([{ title: `by ${name}`, stock: 2 }]);
  });

  it('inserts or updates with a named constraint through the query builder', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const insert = (stock: number): Promise<unknown> =>
        dataSource
          .createQueryBuilder()
          .insert()
          .into(Book)
          .values(book(name, '1', { stock }))
          .orUpdate(['stock'], 'book_isbn')
          .execute();
      await insert(1);
      await insert(7);
      expect(await dataSource.getRepository(Book).find()).toMatchObject([{ owner: name, stock: 7 }]);
    });
  });

  it('ignores a conflict with orIgnore', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const insert = (title: string): Promise<unknown> =>
        dataSource
          .createQueryBuilder()
          .insert()
          .into(Book)
          .values(book(name, '1', { title }))
          .orIgnore()
          .execute();
      await insert('first');
      await insert('second');
      expect(await dataSource.getRepository(Book).find()).toMatchObject([{ owner: name, title: 'first' }]);
    });
  });

  it('returns the columns that an insert, an update and a delete request', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const qb = () => dataSource.createQueryBuilder();
      const inserted = await qb()
        .insert()
        .into(Book)
        .values([book(name, '1'), book(name, '2')])
        .returning(['id', 'owner', 'titleLength'])
        .execute();
      expect(inserted.raw).toMatchObject([
        { owner: name, titleLength: 7 },
        { owner: name, titleLength: 7 },
      ]);
      const updated = await qb().update(Book).set({ stock: 5 }).where({ isbn: '2' }).returning('*').execute();
      expect(updated).toMatchObject({ affected: 1, raw: [{ owner: name, stock: 5 }] });
      const deleted = await qb().delete().from(Book).where({ isbn: '1' }).returning('isbn').execute();
      expect(deleted).toMatchObject({ affected: 1, raw: [{ isbn: '1' }] });
    });
  });

  it('updates, deletes and clears whole tables of one tenant only', async () => {
    await tenants.each(({ name, dataSource }) =>
      dataSource.getRepository(Book).insert([book(name, '1'), book(name, '2')]),
    );
    const acme = tenants.named('acme').dataSource.getRepository(Book);
    expect(await acme.updateAll({ stock: 9 })).toMatchObject({ affected: 2 });
    expect(await tenants.named('umbrella').dataSource.getRepository(Book).countBy({ stock: 9 })).toBe(0);
    expect(await acme.deleteAll()).toMatchObject({ affected: 2 });
    const counts = await tenants.each((tenant) => tenants.countOutside(tenant, 'book'));
    expect(counts).toEqual({ acme: 0, umbrella: 2, globex: 2, hooli: 2, initech: 2 });
  });

  it('increments and decrements', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const books = dataSource.getRepository(Book);
      await books.insert(book(name, '1'));
      await Promise.all(Array.from({ length: 5 }, () => books.increment({ isbn: '1' }, 'stock', 3)));
      await books.decrement({ isbn: '1' }, 'stock', 1);
    });
    const stock = await tenants.each(async ({ dataSource }) => (await dataSource.getRepository(Book).find())[0]?.stock);
    expect(Object.values(stock)).toEqual([14, 14, 14, 14, 14]);
  });

  it('hides, restores and still counts soft-deleted rows', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const authors = dataSource.getRepository(Author);
      const saved = await authors.save({ owner: name, name: 'A', address: { city: 'C' } });
      await authors.softRemove(saved);
      expect(await authors.find()).toEqual([]);
      expect(await authors.find({ withDeleted: true })).toMatchObject([{ owner: name }]);
      await authors.restore(saved.id);
      expect(await authors.find()).toMatchObject([{ owner: name, deletedAt: null }]);
      await authors.softDelete({ name: 'A' });
      expect(await authors.count()).toBe(0);
      await authors.recover(await authors.findOneOrFail({ where: {}, withDeleted: true }));
      expect(await authors.count()).toBe(1);
    });
  });

  it('raises the version column and holds an optimistic lock', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const authors = dataSource.getRepository(Author);
      const saved = await authors.save({ owner: name, name: 'A', address: { city: 'C' } });
      saved.name = 'B';
      await authors.save(saved);
      const stale = authors.findOne({ where: { id: saved.id }, lock: { mode: 'optimistic', version: 1 } });
      await expect(stale).rejects.toBeInstanceOf(OptimisticLockVersionMismatchError);
      const read = await authors.findOne({ where: { id: saved.id }, lock: { mode: 'optimistic', version: 2 } });
      expect(read).toMatchObject({ name: 'B', version: 2 });
      expect(read?.updatedAt.getTime()).toBeGreaterThan(read?.createdAt.getTime() ?? Infinity);
    });
  });

  it('preserves JSON, arrays, enums, enum arrays and transformed values', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const books = dataSource.getRepository(Book);
      const values = {
        status: 'out_of_print',
        moods: ['dark', 'slow'],
        keywords: ['a,b', 'c"d', name],
        details: { pages: 3, review: { stars: 5 } },
        price: 1999,
      } as const;
      const [moods, keywords] = [[...values.moods], [...values.keywords]];
      await books.save(book(name, '1', { ...values, moods, keywords, secret: 'hidden' }));
      const [read] = await books.find();
      expect(read).toMatchObject({ ...values, titleLength: 7 });
      expect(read).not.toHaveProperty('secret');
      const secret = await books.findOne({ where: {}, select: { id: true, secret: true, tenantId: true } });
      expect(secret).toMatchObject({ secret: 'hidden' });
      const paged = books.createQueryBuilder('b').where(`b.details ->> 'pages' = :pages`, { pages: '3' });
      expect(await paged.andWhere(':mood = ANY(b.moods)', { mood: 'slow' }).getCount()).toBe(1);
    });
  });

  it('runs entity listeners', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const notes = dataSource.getRepository(Note);
      const note = await notes.save(notes.create({ owner: name, text: 'x' }));
      expect(note.trail).toBe(`inserted by ${name}`);
      note.text = 'y';
      await notes.save(note);
      expect(await notes.find()).toMatchObject([{ text: 'y', trail: `updated by ${name}`, loaded: true }]);
    });
  });

  it('works with an entity schema and the same natural key in every tenant', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const settings = dataSource.getRepository<Setting>(SettingSchema);
      await settings.save({ key: 'theme', owner: name, value: `for ${name}` });
      await settings.save({ key: 'theme', owner: name, value: `still for ${name}` });
      expect(await settings.find()).toEqual([{ key: 'theme', owner: name, value: `still for ${name}` }]);
    });
  });

  it('preloads, merges and reads the id', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      const books = dataSource.getRepository(Book);
      const { id } = await books.save(book(name, '1'));
      const loaded = await books.preload({ id, stock: 4 });
      expect(loaded).toMatchObject({ owner: name, stock: 4, title: 'Title 1' });
      expect(books.getId(loaded as Book)).toBe(id);
      expect(books.merge(new Book(), { title: 'merged' })).toMatchObject({ title: 'merged' });
    });
  });

  it('does not find, change or delete a row of another tenant by its id', async () => {
    const ids = await tenants.each(
      async ({ name, dataSource }) => (await dataSource.getRepository(Author).save(author(name))).id,
    );
    const acme = tenants.named('acme').dataSource.getRepository(Author);
    for (const [name, id] of Object.entries(ids)) {
      if (name === 'acme') continue;
      expect(await acme.findOneBy({ id })).toBeNull();
      expect(await acme.update(id, { name: 'stolen' })).toMatchObject({ affected: 0 });
      expect(await acme.delete(id)).toMatchObject({ affected: 0 });
    }
    const counts = await tenants.each((tenant) => tenants.countOutside(tenant, 'author'));
    expect(counts).toEqual({ acme: 1, umbrella: 1, globex: 1, hooli: 1, initech: 1 });
  });
});

function author(owner: string): DeepPartial<Author> {
  return { owner, name: 'A', address: { city: 'C' } };
}
