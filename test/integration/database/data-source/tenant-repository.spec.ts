import { EventEmitter, once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Repository, TreeRepository } from 'typeorm';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import { newTenantContext } from '../../../support/tenant-context.js';
import { createTenantRepository } from '../../../../src/tenant/context/tenant-repository.js';
import { Book, Note } from '../../../support/data-source/library.entities.js';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';
import { ClosureNode } from '../../../support/data-source/tree.entities.js';

const context = newTenantContext();
const books = createTenantRepository(Book, false, context) as Repository<Book>;
const notes = createTenantRepository(Note, false, context) as Repository<Note>;
const nodes = createTenantRepository(ClosureNode, true, context) as TreeRepository<ClosureNode>;

let tenants: TestTenants;

const CONNECTIONS = 8;

beforeAll(async () => {
  tenants = await TestTenants.create({ poolSize: CONNECTIONS });
  // All connections of the shared database are opened by one tenant, whose context their sockets then carry.
  const open = Array.from({ length: CONNECTIONS }, () => runAs(tenants.named('acme'), () => books.query('SELECT 1')));
  await Promise.all(open);
});
afterEach(async () => {
  await tenants.expectRowsWithTheirOwners();
  await tenants.expectNothingHeld();
  await tenants.empty();
});
afterAll(() => tenants.close());

function runAs<T>({ name, id, dataSource }: TestTenant, work: () => Promise<T>): Promise<T> {
  const tenant: Tenant = Object.freeze({
    ...{ id, slug: name, status: 'active', isolation: 'row', targetId: 'test', schema: 'shared' },
    ...{ schemaVersion: null, migrationSet: null, limits: {}, message: null, version: 1 },
  });
  return context.run({ tenant, dataSource }, work);
}

/** The same work for every tenant at once, each in its own context, over the one injected repository. */
const eachInContext = <T>(work: (owner: string) => Promise<T>): Promise<Record<string, T>> =>
  tenants.each((tenant) => runAs(tenant, () => work(tenant.name)));

const insert = (owner: string, isbn: string): Promise<unknown> => books.insert({ owner, isbn, title: isbn });

async function expectOnly(owner: string, count: number): Promise<void> {
  const found = await books.find();
  expect(found.map((book) => book.owner)).toEqual(Array.from({ length: count }, () => owner));
}

describe('one injected repository for all tenants', () => {
  it('follows its caller through awaits, timers, turns of the loop and microtasks', async () => {
    await eachInContext(async (owner) => {
      for (let n = 0; n < 10; n++) {
        await insert(owner, String(n));
        await [delay(n % 3), nextTurn(), Promise.resolve(), new Promise((resolve) => process.nextTick(resolve))][n % 4];
      }
      await expectOnly(owner, 10);
    });
  });

  it('follows its caller through parallel branches', async () => {
    await eachInContext(async (owner) => {
      await Promise.all(Array.from({ length: 8 }, (_, n) => insert(owner, String(n))));
      await expectOnly(owner, 8);
    });
  });

  it('follows its caller into listeners of an event that the caller emits', async () => {
    const bus = new EventEmitter();
    const handled: Promise<unknown>[] = [];
    bus.on('book', (owner: string) => handled.push(insert(owner, 'by event')));
    await eachInContext(async (owner) => {
      await nextTurn();
      bus.emit('book', owner);
    });
    await Promise.all(handled);
    await eachInContext((owner) => expectOnly(owner, 1));
  });

  it('stays with the reader of a stream that is iterated', async () => {
    await eachInContext(async (owner) => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => insert(owner, String(n))));
      for await (const row of await books.createQueryBuilder('book').stream()) {
        await notes.insert({ owner, text: (row as unknown as { book_isbn: string }).book_isbn });
      }
      expect(await notes.countBy({ owner })).toBe(20);
    });
  });

  it('stays with the reader of a stream that is listened to', async () => {
    await eachInContext(async (owner) => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => insert(owner, String(n))));
      const written: Promise<unknown>[] = [];
      const stream = await books.createQueryBuilder('book').stream();
      stream.on('data', (row: unknown) => {
        written.push(notes.insert({ owner, text: (row as { book_isbn: string }).book_isbn }));
      });
      await once(stream, 'end');
      await Promise.all(written);
      expect(await notes.count()).toBe(20);
    });
  });

  it('lets the inner context win while it lasts', async () => {
    const [acme, umbrella] = [tenants.named('acme'), tenants.named('umbrella')];
    await runAs(acme, async () => {
      await insert('acme', '1');
      await runAs(umbrella, () => insert('umbrella', '1'));
      await insert('acme', '2');
      await expectOnly('acme', 2);
    });
  });

  it('throws outside of a context, whatever is called', async () => {
    const thrown = expect.objectContaining({ code: 'NO_TENANT_CONTEXT' });
    await expect(books.find()).rejects.toEqual(thrown);
    await expect(nodes.findTrees()).rejects.toEqual(thrown);
    for (const use of [
      () => books.save({ owner: 'nobody' }),
      () => books.metadata,
      () => books.createQueryBuilder(),
      () => books.query('SELECT 1'),
      () => books.create(),
      () => books.extend({ all: () => 1 }).count(),
    ]) {
      expect(use).toThrow(thrown);
    }
  });

  it('can be extended, and the extension follows its caller too', async () => {
    const extended = books
      .extend({
        titled(this: Repository<Book>, title: string) {
          return this.findBy({ title });
        },
      })
      .extend({
        async only(this: Repository<Book> & { titled(title: string): Promise<Book[]> }, title: string) {
          const [found] = await this.titled(title);
          return found;
        },
      });
    await eachInContext(async (owner) => {
      await insert(owner, '1');
      expect(await extended.only('1')).toMatchObject({ owner });
      expect(extended).toBeInstanceOf(Repository);
    });
  });

  it('joins a transaction through withRepository, extended or not', async () => {
    const extended = books.extend({
      add(this: Repository<Book>, owner: string) {
        return this.insert({ owner, isbn: 'x', title: 'x' });
      },
    });
    await eachInContext(async (owner) => {
      const undone = books.manager.transaction(async (manager) => {
        await manager.withRepository(extended).add(owner);
        expect(await manager.withRepository(books).count()).toBe(1);
        expect(await books.count()).toBe(0);
        throw new Error('undone');
      });
      await expect(undone).rejects.toThrow('undone');
      await expectOnly(owner, 0);
    });
  });

  it('is a tree repository for a tree', async () => {
    await eachInContext(async (owner) => {
      const root = await nodes.save(nodes.create({ owner, name: 'root' }));
      await nodes.save(nodes.create({ owner, name: 'leaf', parent: root }));
      expect(await nodes.findTrees()).toMatchObject([{ owner, name: 'root', children: [{ owner, name: 'leaf' }] }]);
      expect(nodes).toBeInstanceOf(TreeRepository);
      expect(nodes.metadata.treeType).toBe('closure-table');
    });
  });
});
