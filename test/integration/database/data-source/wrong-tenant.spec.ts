import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import QueryStream from 'pg-query-stream';
import { type EntityManager, In } from 'typeorm';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { newTenantContext } from '../../../support/tenant-context.js';
import { Author, Book, Film, type Setting, SettingSchema, Tag } from '../../../support/data-source/library.entities.js';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';
import { soon } from '../../../support/load/soon.js';
import { accessTo } from '../../../support/pool/test-pool.js';

const WRONG = expect.objectContaining({ code: 'WRONG_TENANT' });
/** In the same tables, in another schema of the same database, and in another database. */
const OTHERS = ['umbrella', 'globex', 'initech'];
const context = newTenantContext();

let tenants: TestTenants;
let acme: TestTenant;

beforeAll(async () => {
  tenants = await TestTenants.create({ poolSize: 4 });
  acme = tenants.named('acme');
});
afterEach(async () => {
  await tenants.expectNothingHeld();
  await tenants.empty();
});
afterAll(() => tenants.close());

function runAs<T>({ id, dataSource }: TestTenant, work: () => Promise<T>): Promise<T> {
  return context.run({ tenant: { id } as never, dataSource }, work);
}

const book = (owner: string): Partial<Book> => ({ owner, isbn: '1', title: 'Title' });

describe("a tenant's handle that is used in another tenant's call", () => {
  const refused = async (use: () => unknown): Promise<void> => {
    await expect(runAs(tenants.named('umbrella'), async () => use())).rejects.toEqual(WRONG);
  };

  it.each<[string, (tenant: TestTenant) => () => unknown]>([
    [
      'a data source',
      ({ dataSource }) =>
        () =>
          dataSource.query('SELECT 1'),
    ],
    [
      'a manager',
      ({ dataSource: { manager } }) =>
        () =>
          manager.find(Book),
    ],
    ['a repository', ({ dataSource }) => [dataSource.getRepository(Book)].map((books) => () => books.count())[0]!],
    [
      'a repository that writes',
      ({ dataSource }) =>
        () =>
          dataSource.getRepository(Book).insert(book('acme')),
    ],
    [
      'a query builder',
      ({ dataSource }) => [dataSource.createQueryBuilder(Book, 'b')].map((qb) => () => qb.getMany())[0]!,
    ],
  ])('%s is refused before anything is sent', async (_name, handleOf) => {
    const use = await runAs(acme, async () => handleOf(acme));
    await refused(use);
    await runAs(acme, async () => use());
    expect(await tenants.countOutside(acme, 'book')).toBeLessThanOrEqual(1);
  });

  it('a transaction is refused, and can still be rolled back', async () => {
    const runner = await runAs(acme, async () => acme.dataSource.createQueryRunner());
    await runAs(acme, async () => {
      await runner.startTransaction();
      await runner.manager.insert(Book, book('acme'));
    });
    await refused(() => runner.query('SELECT 1'));
    await refused(() => runner.commitTransaction());
    await runAs(tenants.named('umbrella'), async () => {
      await runner.rollbackTransaction();
      await runner.release();
    });
    expect(await tenants.countOutside(acme, 'book')).toBe(0);
  });

  it('a transaction that begins there is refused', async () => {
    await refused(() => acme.dataSource.transaction((manager) => manager.find(Book)));
  });

  it('a stream is refused', async () => {
    const runner = acme.dataSource.createQueryRunner();
    const client = await runner.connect();
    await refused(() => client.query(new QueryStream('SELECT 1')));
    await runner.release();
  });

  it('a session is refused', async () => {
    const access = accessTo(acme.pool, createStamp(acme.id, acme.schema));
    await runAs(acme, () =>
      SessionLease.run(access, async (session) => {
        await refused(() => session.query('SELECT 1'));
        await session.query('SELECT 1');
      }),
    );
  });

  it('a data loader that collects keys of several calls runs no statement for a tenant of another call', async () => {
    const loader = batchLoader((ids) => acme.dataSource.getRepository(Author).findBy({ id: In(ids) }));
    const [own, foreign] = await Promise.allSettled([
      runAs(tenants.named('umbrella'), () => loader('00000000-0000-4000-8000-000000000001')),
      runAs(acme, () => loader('00000000-0000-4000-8000-000000000002')),
    ]);
    expect([own.status, foreign.status]).toEqual(['rejected', 'rejected']); // the batch belongs to the first call
  });

  it('is fine where the call says so, and outside any call', async () => {
    const umbrella = tenants.named('umbrella');
    const crossing = runAs(acme, async () => {
      const before = await acme.dataSource.query('SELECT 1');
      await runAs(umbrella, () => umbrella.dataSource.query('SELECT 1'));
      return [before, await acme.dataSource.query('SELECT 1')];
    });
    expect(await crossing).toHaveLength(2);
    for (const { dataSource } of tenants.all) await dataSource.query('SELECT 1');
  });
});

/** As the package dataloader does: all keys of one turn are loaded at once, in the context of the first of them. */
function batchLoader<T>(load: (keys: string[]) => Promise<T>): (key: string) => Promise<T> {
  let batch: { keys: string[]; loaded: Promise<T> } | undefined;
  return (key) => {
    if (!batch) {
      const keys: string[] = [];
      const loaded = Promise.resolve().then(() => {
        batch = undefined;
        return load(keys);
      });
      batch = { keys, loaded };
    }
    batch.keys.push(key);
    return batch.loaded;
  };
}

describe.each(OTHERS)('an entity of one tenant that is written for another one (%s)', (name) => {
  let other: TestTenant;

  beforeAll(() => {
    other = tenants.named(name);
  });

  /** Nothing of the other tenant's tables changes. */
  const expectRefused = async (
    write: (manager: EntityManager) => Promise<unknown>,
    ...tables: string[]
  ): Promise<void> => {
    const counts = (): Promise<number[]> => Promise.all(tables.map((table) => tenants.countOutside(other, table)));
    const before = await counts();
    const { dataSource } = other;
    await expect(write(dataSource.manager)).rejects.toEqual(WRONG);
    await expect(runAs(other, () => write(dataSource.manager))).rejects.toEqual(WRONG);
    await expect(dataSource.transaction(write)).rejects.toEqual(WRONG);
    expect(await counts()).toEqual(before);
  };

  const loadedBook = async (): Promise<Book> => {
    await acme.dataSource.getRepository(Book).insert(book('acme'));
    return acme.dataSource.getRepository(Book).findOneByOrFail({ isbn: '1' });
  };

  it('is refused by save, remove, insert, upsert and update', async () => {
    const loaded = await loadedBook();
    loaded.title = 'changed';
    await expectRefused((manager) => manager.getRepository(Book).save(loaded), 'book');
    await expectRefused((manager) => manager.save(loaded), 'book');
    await expectRefused((manager) => manager.save([loaded], { listeners: false }), 'book');
    await expectRefused((manager) => manager.getRepository(Book).remove(loaded), 'book');
    await expectRefused((manager) => manager.getRepository(Book).insert(loaded), 'book');
    await expectRefused((manager) => manager.getRepository(Book).upsert(loaded, ['tenantId', 'isbn']), 'book');
    await expectRefused((manager) => manager.getRepository(Book).update({ isbn: '1' }, loaded), 'book');
  });

  it('is refused by a query builder', async () => {
    const loaded = await loadedBook();
    await expectRefused((manager) => {
      return manager.createQueryBuilder().insert().into(Book).values(loaded).execute();
    }, 'book');
    await expectRefused((manager) => {
      return manager.createQueryBuilder().update(Book).set(loaded).where({ isbn: '1' }).execute();
    }, 'book');
  });

  it('is refused by softRemove and recover', async () => {
    const authors = acme.dataSource.getRepository(Author);
    await authors.save({ owner: 'acme', name: 'A', address: { city: 'C' } });
    const [loaded] = await authors.find();
    await expectRefused((manager) => manager.getRepository(Author).softRemove(loaded!), 'author');
    await expectRefused((manager) => manager.getRepository(Author).recover(loaded!), 'author');
  });

  it('is refused when it was created and saved instead of loaded', async () => {
    const books = acme.dataSource.getRepository(Book);
    const saved = await books.save(books.create(book('acme')));
    await expectRefused((manager) => manager.getRepository(Book).save(saved), 'book');
    const plain = await books.save({ ...book('acme'), isbn: '2' });
    await expectRefused((manager) => manager.getRepository(Book).save(plain), 'book');
  });

  it('is refused within an entity of the tenant, cascading or not', async () => {
    const authors = acme.dataSource.getRepository(Author);
    await authors.save({
      owner: 'acme',
      name: 'A',
      address: { city: 'C', country: { owner: 'acme', name: 'N' } },
      profile: { owner: 'acme', motto: 'M' },
      books: [{ ...book('acme'), tags: [{ owner: 'acme', label: 'L' }] }],
    });
    const [author] = await authors.find({ relations: { books: { tags: true }, address: { country: true } } });
    const { profile, books, address } = author!;
    const tables = ['author', 'book', 'profile', 'tag', 'country'];
    const own = { owner: other.name, name: 'O', address: { city: 'C' } };
    for (const holder of [
      { ...own, profile },
      { ...own, books },
      { ...own, address: { city: 'C', country: address.country } },
    ]) {
      await expectRefused((manager) => manager.getRepository(Author).save(holder as Author), ...tables);
    }
    const { tags } = books[0]!;
    await expectRefused((manager) => manager.getRepository(Book).save({ ...book(other.name), tags }), ...tables);
    await expectRefused(
      (manager) => manager.getRepository(Book).save({ ...book(other.name), author: author! }),
      ...tables,
    );
  });

  it('is refused for child entities and for entities without a class', async () => {
    const film = await acme.dataSource.getRepository(Film).save({ owner: 'acme', title: 'T', minutes: 1 });
    await expectRefused((manager) => manager.getRepository(Film).save(film), 'medium');
    const settings = acme.dataSource.getRepository<Setting>(SettingSchema);
    await settings.insert({ key: 'theme', owner: 'acme', value: 'V' });
    const setting = await settings.findOneByOrFail({ key: 'theme' });
    await expectRefused((manager) => manager.getRepository<Setting>(SettingSchema).save(setting), 'setting');
  });

  it('is fine as a copy, and values may be inserted for many tenants', async () => {
    const { isbn, title } = await loadedBook();
    const books = other.dataSource.getRepository(Book);
    await books.save(books.create({ owner: other.name, isbn, title }));
    const defaults = { key: 'theme', owner: 'all', value: 'V' };
    for (const { dataSource } of [acme, other]) await dataSource.getRepository<Setting>(SettingSchema).insert(defaults);
    expect(await tenants.countOutside(other, 'book')).toBe(1);
    expect(await tenants.countOutside(other, 'setting')).toBe(1);
  });
});

it('an entity does not show its tenant, and is collected when nothing else refers to it', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let collected = 0;
  const registry = new FinalizationRegistry(() => (collected += 1));
  const tags = acme.dataSource.getRepository(Tag);
  await tags.insert(Array.from({ length: 100 }, (_, n) => ({ owner: 'acme', label: String(n) })));
  for (const tag of await tags.find()) {
    expect(Reflect.ownKeys(tag).toSorted()).toEqual(['id', 'label', 'owner']);
    registry.register(tag, undefined);
  }
  await soon(async () => {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    expect(collected).toBeGreaterThan(90);
  });
});
