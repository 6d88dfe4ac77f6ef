import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  type DataSource,
  DefaultNamingStrategy,
  Entity,
  IsNull,
  ManyToOne,
  PrimaryGeneratedColumn,
  Table,
} from 'typeorm';
import { createTenantDataSource } from '../../../../src/database/data-source/tenant-data-source.js';
import { TemplateDataSource } from '../../../../src/database/data-source/template-data-source.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { migrateTables } from '../../../../src/database/table-migrations/execution/migrate-tables.js';
import { previewMigrations } from '../../../../src/database/table-migrations/preview/preview-migrations.js';
import type { TypeormOptions } from '../../../../src/database/table-migrations/tenant-schema/typeorm-options.js';
import { SilentTypeormLogger } from '../../../../src/platform/postgres/silent-typeorm-logger.js';
import { accessTo, TestPool } from '../../../support/pool/test-pool.js';
import { TENANT_COLUMN, tenantPolicy } from '../../../support/postgres/tenant-database.js';
import { migration, MigrationFixture } from '../../../support/tables/migration-fixture.js';

@Entity()
class Shelf {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column('text')
  label: string;
}

@Entity()
class PaperBook {
  static constructed = 0;

  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column('text', { nullable: true })
  subTitle: string | null;

  @ManyToOne(() => Shelf, { cascade: true, nullable: true })
  shelf?: Shelf;

  constructor() {
    PaperBook.constructed += 1;
  }
}

class SnakeNames extends DefaultNamingStrategy {
  override tableName(className: string): string {
    return snake(className);
  }

  override columnName(property: string, customName: string): string {
    return customName || snake(property);
  }

  override joinColumnName(relation: string, column: string): string {
    return snake(`${relation}_${column}`);
  }

  override primaryKeyName(table: Table | string): string {
    return `pk_of_${typeof table === 'string' ? table : table.name.split('.').at(-1)}`;
  }
}

const snake = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();

function tables(shelf: string, book: string, subTitle: string, shelfId: string): string {
  const key = `id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ${TENANT_COLUMN}`;
  return `CREATE TABLE ${shelf} (${key}, label text NOT NULL); ${tenantPolicy(shelf)};
    CREATE TABLE ${book} (${key}, ${subTitle} text, ${shelfId} uuid REFERENCES ${shelf}); ${tenantPolicy(book)}`;
}

const PLAIN = tables('shelf', 'paper_book', '"subTitle"', '"shelfId"');

let fixture: MigrationFixture;
let pool: TestPool;
let schema: string;

beforeAll(async () => {
  fixture = await MigrationFixture.create();
  pool = new TestPool(fixture.database.target);
});
beforeEach(() => {
  schema = `s${randomUUID().slice(0, 8)}`;
});
afterEach(() => {
  PaperBook.constructed = 0;
});
afterAll(async () => {
  await pool.end();
  await fixture.close();
});

/** A tenant's data source with these options, over tables as `ddl` creates them. */
async function tenantWith(typeorm: TypeormOptions, ddl = PLAIN): Promise<DataSource> {
  await fixture.database.define(schema, ddl);
  const template = await TemplateDataSource.build({ entities: [Shelf, PaperBook], migrations: [], typeorm });
  return createTenantDataSource(template, accessTo(pool, createStamp(randomUUID(), schema)), schema);
}

const levelOf = async (dataSource: Pick<DataSource, 'query'>): Promise<string> => {
  const [row] = await dataSource.query<{ level: string }[]>(`SELECT current_setting('transaction_isolation') AS level`);
  return row?.level ?? '';
};

describe('options of TypeORM for tenants', () => {
  it('namingStrategy names tables and columns', async () => {
    const ddl = tables('shelf', 'paper_book', 'sub_title', 'shelf_id');
    const books = (await tenantWith({ namingStrategy: new SnakeNames() }, ddl)).getRepository(PaperBook);
    await books.save(books.create({ subTitle: 'A', shelf: { label: 'top' } }));
    expect(await books.find({ relations: { shelf: true } })).toMatchObject([
      { subTitle: 'A', shelf: { label: 'top' } },
    ]);
  });

  it('namingStrategy names the constraints that migrations create, in their preview too', async () => {
    const [client, { schema: migrated, role }] = [await fixture.client(), await fixture.tables()];
    const creates = migration('Create1764000000001', async (runner) => {
      await runner.createTable(
        new Table({
          name: 'thing',
          columns: [
            { name: 'id', type: 'uuid', isPrimary: true },
            { name: 'tenant_id', type: 'uuid' },
          ],
        }),
      );
      await runner.query(tenantPolicy('thing'));
    });
    const options = { namingStrategy: new SnakeNames() };
    await migrateTables(client, { schema: migrated, role }, [creates], options);
    const names = await fixture.database.admin(
      `SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = '${migrated}.thing'::regclass`,
    );
    expect(names).toEqual([{ conname: 'pk_of_thing' }]);
    const [preview] = await previewMigrations(client, [], [creates], options);
    expect(preview?.sql.join('\n')).toContain('pk_of_thing');
  });

  it('entityPrefix stands in front of the names of tables', async () => {
    const dataSource = await tenantWith(
      { entityPrefix: 'x_' },
      tables('x_shelf', 'x_paper_book', '"subTitle"', '"shelfId"'),
    );
    await dataSource.getRepository(Shelf).save({ label: 'top' });
    expect(await dataSource.getRepository(Shelf).count()).toBe(1);
  });

  it('entitySkipConstructor creates entities without their constructors', async () => {
    for (const [entitySkipConstructor, constructed] of [
      [false, 1],
      [true, 0],
    ] as const) {
      schema = `s${randomUUID().slice(0, 8)}`;
      const books = (await tenantWith({ entitySkipConstructor })).getRepository(PaperBook);
      await books.insert({ subTitle: 'A' });
      PaperBook.constructed = 0;
      expect(await books.find()).toEqual([expect.any(PaperBook)]);
      expect(PaperBook.constructed).toBe(constructed);
    }
  });

  it('typename is the property that holds the name of the class', async () => {
    const shelves = (await tenantWith({ typename: 'kind' })).getRepository(Shelf);
    await shelves.insert({ label: 'top' });
    expect(await shelves.find()).toMatchObject([{ kind: 'Shelf' }]);
  });

  it('isolationLevel is that of transactions which name none', async () => {
    const dataSource = await tenantWith({ isolationLevel: 'REPEATABLE READ' });
    expect(await dataSource.transaction(levelOf)).toBe('repeatable read');
    expect(await dataSource.transaction('SERIALIZABLE', levelOf)).toBe('serializable');
    const nested = dataSource.transaction((outer) => outer.transaction(levelOf));
    expect(await nested).toBe('repeatable read');
    expect(await levelOf(dataSource)).toBe('read committed');
  });

  it('invalidWhereValuesBehavior decides what null and undefined mean in where', async () => {
    const dataSource = await tenantWith({ invalidWhereValuesBehavior: { null: 'sql-null', undefined: 'throw' } });
    const books = dataSource.getRepository(PaperBook);
    await books.insert([{ subTitle: 'A' }, { subTitle: null }]);
    expect(await books.find({ where: { subTitle: null } as never })).toMatchObject([{ subTitle: null }]);
    expect(await books.count({ where: { subTitle: IsNull() } })).toBe(1);
    await expect(books.find({ where: { subTitle: undefined } as never })).rejects.toThrow(/undefined/i);
  });

  it('relationLoadStrategy loads relations by joins or by queries', async () => {
    for (const [relationLoadStrategy, statements] of [
      ['join', 1],
      ['query', 3],
    ] as const) {
      schema = `s${randomUUID().slice(0, 8)}`;
      const logger = new CountingLogger();
      const books = (await tenantWith({ relationLoadStrategy, logger })).getRepository(PaperBook);
      await books.save(books.create({ subTitle: 'A', shelf: { label: 'top' } }));
      logger.statements = 0;
      expect(await books.find({ relations: { shelf: true } })).toMatchObject([{ shelf: { label: 'top' } }]);
      expect(logger.statements).toBe(statements);
    }
  });

  it('isolateWhereStatements puts each andWhere() in parentheses', async () => {
    for (const [isolateWhereStatements, labels] of [
      [false, ['a']],
      [true, []],
    ] as const) {
      schema = `s${randomUUID().slice(0, 8)}`;
      const shelves = (await tenantWith({ isolateWhereStatements })).getRepository(Shelf);
      await shelves.insert({ label: 'a' });
      const query = shelves.createQueryBuilder('s').where(`s.label = 'c'`).andWhere(`s.label = 'b' OR s.label = 'a'`);
      expect((await query.getMany()).map(({ label }) => label)).toEqual(labels);
    }
  });

  it('logger receives statements, and those that exceed maxQueryExecutionTime', async () => {
    const logger = new CountingLogger();
    const dataSource = await tenantWith({ logger, maxQueryExecutionTime: 20 });
    await dataSource.query('SELECT 1');
    await dataSource.query('SELECT pg_sleep(0.1)');
    expect(logger.statements).toBe(2);
    expect(logger.slow.at(-1)).toBe('SELECT pg_sleep(0.1)');
  });
});

class CountingLogger extends SilentTypeormLogger {
  statements = 0;
  readonly slow: string[] = [];

  override logQuery(): void {
    this.statements += 1;
  }

  override logQuerySlow(...[, query]: [time?: number, query?: string]): void {
    this.slow.push(query ?? '');
  }
}
