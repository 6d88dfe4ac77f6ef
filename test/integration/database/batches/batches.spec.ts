import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DataSource, type EntitySubscriberInterface, EventSubscriber, type InsertEvent } from 'typeorm';
import { runBatch } from '../../../../src/database/batches/run-batch.js';
import { internalsOf } from '../../../../src/database/connection/pg-internals.js';
import type { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import type { BatchManager, BatchOperation } from '../../../../src/database/batches/batch-manager.js';
import { Book } from '../../../support/data-source/library.entities.js';
import { soon } from '../../../support/load/soon.js';
import { TestTenants, type TestTenant } from '../../../support/data-source/tenants.js';

/** What a subscriber does after each insert. */
let afterInsert: (event: InsertEvent<object>) => Promise<unknown> = () => Promise.resolve();

/** What a subscriber does before each insert. */
let beforeInsert: typeof afterInsert = () => Promise.resolve();

@EventSubscriber()
class Inserts implements EntitySubscriberInterface {
  beforeInsert(event: InsertEvent<object>): Promise<unknown> {
    return beforeInsert(event);
  }

  afterInsert(event: InsertEvent<object>): Promise<unknown> {
    return afterInsert(event);
  }
}

let tenants: TestTenants;
let tenant: TestTenant;
let dataSource: DataSource;

beforeAll(async () => {
  tenants = await TestTenants.create({ subscribers: [Inserts] });
});
beforeEach(() => {
  beforeInsert = afterInsert = () => Promise.resolve();
  [tenant] = tenants.all as [TestTenant];
  ({ dataSource } = tenant);
});
afterEach(async () => {
  await tenants.expectRowsWithTheirOwners();
  await tenants.expectNothingHeld();
  await tenants.empty();
});
afterAll(() => tenants.close());

const book = (isbn: string, owner = tenant.name): Pick<Book, 'owner' | 'isbn' | 'title'> => ({
  owner,
  isbn,
  title: isbn,
});

const isbns = async (of = dataSource): Promise<string[]> =>
  (await of.manager.find(Book, { order: { isbn: 'ASC' } })).map(({ isbn }) => isbn);

/** Counts what is written to the tenant's connections from now on. */
async function countWrites({ pool }: TestTenant): Promise<() => number> {
  let writes = 0;
  const connections = await Promise.all([pool.acquire(), pool.acquire()]);
  for (const connection of connections) {
    const { stream } = internalsOf(connection.client).connection;
    const write = stream.write.bind(stream) as typeof stream.write;
    stream.write = ((...parameters: Parameters<typeof write>) => {
      writes += 1;
      return write(...parameters);
    }) as typeof write;
    connection.release();
  }
  return () => writes;
}

const END_SLEEPERS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND query LIKE '%AS slept' AND pid <> pg_backend_pid()`;

/** The pause has both connections used. */
const LOSE_NAMES = 'SELECT lose_names() AS named, pg_sleep(0.2)';

type Work = (manager: BatchManager) => readonly BatchOperation<unknown>[];

describe('a batch', () => {
  it('runs its operations in their order, each tenant its own, and returns their results', async () => {
    await tenants.each(async ({ name, dataSource: own }) => {
      const [first, second] = [book('1', name), book('2', name)];
      const [, updated, rows, deleted] = await runBatch(own, (batch) => [
        batch.insert(Book, [first, second]),
        batch.update(Book, { isbn: '1' }, { title: 'changed' }),
        batch.query<{ title: string }[]>('SELECT title FROM book ORDER BY isbn'),
        batch.delete(Book, { isbn: '2' }),
      ]);
      expect([updated.affected, deleted.affected]).toEqual([1, 1]);
      expect(rows).toEqual([{ title: 'changed' }, { title: '2' }]);
      expect(await isbns(own)).toEqual(['1']);
    });
  });

  it('is one implicit transaction in one write', async () => {
    const writes = await countWrites(tenant);
    const rows = await runBatch(dataSource, (batch) => [
      batch.query<{ at: Date }[]>('SELECT now() AS at'),
      batch.insert(Book, book('1')),
      batch.query<{ at: Date }[]>('SELECT now() AS at'),
    ]);
    expect(rows[0]).toEqual(rows[2]);
    expect(writes()).toBe(1);
  });

  it('sets generated values on the entities', async () => {
    const inserted = dataSource.manager.create(Book, book('1'));
    await runBatch(dataSource, (batch) => [batch.insert(Book, inserted)]);
    const { id, status, titleLength } = await dataSource.manager.findOneByOrFail(Book, { isbn: '1' });
    expect(inserted).toMatchObject({ id, status, titleLength });
  });

  it('takes effect as a whole or not at all, and fails with the error of the statement that failed', async () => {
    const failing: Record<string, Work> = {
      'the first': (batch) => [batch.query('SELECT 1/0'), batch.insert(Book, book('1'))],
      'the last': (batch) => [batch.insert(Book, book('1')), batch.query('SELECT 1/0')],
      'one between': (batch) => [
        batch.insert(Book, book('1')),
        batch.query('SELECT 1/0'),
        batch.insert(Book, book('2')),
      ],
    };
    for (const work of Object.values(failing)) {
      await expect(runBatch(dataSource, work)).rejects.toMatchObject({
        query: 'SELECT 1/0',
        driverError: { code: '22012' },
      });
      expect(await isbns()).toEqual([]);
    }
  });

  it('fails as a whole when it cannot be sent', async () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const batch = runBatch(dataSource, (manager) => [
      manager.insert(Book, book('1')),
      manager.query('SELECT $1::jsonb', [circular]),
    ]);
    await expect(batch).rejects.toThrow(/circular/);
    expect(await isbns()).toEqual([]);
  });

  it('is sent again by text when the server has lost its names', async () => {
    const other = tenants.all[1] as TestTenant;
    const send = (isbn: string, { name, dataSource: own } = tenant): Promise<unknown> =>
      runBatch(own, (batch) => [batch.insert(Book, book(isbn, name)), batch.insert(Book, book(`${isbn}+`, name))]);
    for (let n = 0; n < 12; n += 1) await send(`a${n}`, n % 2 ? tenant : other);
    // In a function, whose command the server does not report: the connections stay in the pool.
    await tenant.database.admin(`CREATE OR REPLACE FUNCTION shared.lose_names() RETURNS bigint LANGUAGE plpgsql AS $$
      DECLARE named bigint := (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT%');
      BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN named; END $$`);
    const lost = await Promise.all([1, 2].map(() => dataSource.query<{ named: string }[]>(LOSE_NAMES)));
    expect(lost.flat().some(({ named }) => Number(named) > 0)).toBe(true);
    for (const isbn of ['b', 'c']) await send(isbn);
    expect(await isbns()).toEqual(expect.arrayContaining(['b', 'b+', 'c', 'c+']));
  });

  it('sends nothing for operations without a statement', async () => {
    const [inserted] = await runBatch(dataSource, (batch) => [batch.insert(Book, [])]);
    expect(inserted.identifiers).toEqual([]);
    expect(await runBatch(dataSource, () => [])).toEqual([]);
  });
});

describe('a batch is refused, and nothing of it sent', () => {
  const refused: readonly [title: string, work: Work, code: string][] = [
    ['when an operation is left out', (batch) => [batch.insert(Book, book('1'))].slice(1), 'INVALID_BATCH'],
    [
      'when an operation is there twice',
      (batch) => {
        const insert = batch.insert(Book, book('1'));
        return [insert, insert];
      },
      'INVALID_BATCH',
    ],
    ['when it holds anything else', () => [dataSource.manager.query('SELECT 1')] as never, 'INVALID_BATCH'],
    ['when its function is asynchronous', (async () => []) as never, 'INVALID_BATCH'],
    ['with a command', (batch) => [batch.insert(Book, book('1')), batch.query('COMMIT')], 'INVALID_BATCH'],
    ['with a savepoint', (batch) => [batch.insert(Book, book('1')), batch.query('SAVEPOINT a')], 'INVALID_BATCH'],
    [
      'with a statement that the SQL guard refuses',
      (batch) => [batch.insert(Book, book('1')), batch.query('VACUUM book')],
      'SESSION_STATEMENT_REFUSED',
    ],
  ];

  it.each(refused)('%s', async (_title, work, code) => {
    await expect(runBatch(dataSource, work)).rejects.toMatchObject({ code });
    expect(await isbns()).toEqual([]);
  });

  it('with the entity of another tenant', async () => {
    const other = tenants.all[1] as TestTenant;
    const foreign = await other.dataSource.manager.save(Book, book('foreign', other.name));
    const batch = runBatch(dataSource, (manager) => [manager.insert(Book, book('1')), manager.insert(Book, foreign)]);
    await expect(batch).rejects.toMatchObject({ code: 'WRONG_TENANT' });
    expect(await isbns()).toEqual([]);
  });

  it.each<[what: string, send: typeof afterInsert]>([
    ['a statement', ({ manager }) => manager.query('SELECT 1')],
    ['a find', ({ manager }) => manager.find(Book)],
    ['an insert', ({ manager, entity }) => manager.insert(Book, { ...entity, isbn: 'of the subscriber' })],
    ['a statement of its runner', ({ queryRunner }) => queryRunner.query('SELECT 1')],
    ['a transaction', ({ manager }) => manager.transaction((own) => own.query('SELECT 1'))],
  ])('when a subscriber sends %s before an operation', async (_what, send) => {
    beforeInsert = (event) => ((event.entity as Book).isbn === '2' ? send(event) : Promise.resolve());
    const batch = runBatch(dataSource, (manager) => [manager.insert(Book, book('1')), manager.insert(Book, book('2'))]);
    await expect(batch).rejects.toMatchObject({ code: 'INVALID_BATCH' });
    expect(await isbns()).toEqual([]);
  });

  it("when an operation fails before it has a statement, as a subscriber's check does", async () => {
    const batch = runBatch(dataSource, (manager) => [
      manager.insert(Book, book('1')),
      manager.update(Book, { isbn: '1' }, {}),
    ]);
    await expect(batch).rejects.toMatchObject({ name: 'UpdateValuesMissingError' });
    expect(await isbns()).toEqual([]);
  });
});

it("a subscriber's statement behind an operation is refused: the batch has been sent", async () => {
  afterInsert = ({ manager }) => manager.query('SELECT 1');
  const batch = runBatch(dataSource, (manager) => [manager.insert(Book, book('1'))]);
  await expect(batch).rejects.toMatchObject({ code: 'BATCH_SENT' });
});

it('a statement whose result cannot be read here fails alone: the batch was committed', async () => {
  const runner = dataSource.createQueryRunner();
  const client = (await runner.connect()) as StampedClient;
  const batch = client.beginBatch();
  const unreadable = (): never => {
    throw new Error('cannot be read');
  };
  const insert = client.query(`INSERT INTO book (owner, isbn, title) VALUES ($1, '1', 'one')`, [tenant.name]);
  const read = client.query({ text: 'SELECT 1 AS one', types: { getTypeParser: () => unreadable } });
  await batch.send();
  await expect(read).rejects.toThrow('cannot be read');
  expect(await insert).toMatchObject({ rowCount: 1 });
  await runner.release();
  expect(await isbns()).toEqual(['1']);
});

it('a batch whose connection is lost before its answer fails with a code', async () => {
  const batch = runBatch(dataSource, (manager) => [
    manager.insert(Book, book('1')),
    manager.query('SELECT pg_sleep(20) AS slept'),
  ]);
  const failing = expect(batch).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
  await soon(async () => expect(await tenant.database.admin(END_SLEEPERS)).toHaveLength(1));
  await failing;
  expect(await isbns()).toEqual([]);
});
