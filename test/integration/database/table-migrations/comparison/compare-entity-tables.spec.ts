import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
} from 'typeorm';
import { TemplateDataSource } from '../../../../../src/database/data-source/template-data-source.js';
import { EntityTablesError } from '../../../../../src/database/table-migrations/comparison/compare-entity-tables.js';
import {
  type ExpectedTable,
  expectedTables,
} from '../../../../../src/database/table-migrations/comparison/expected-tables.js';
import { migrateTables } from '../../../../../src/database/table-migrations/execution/migrate-tables.js';
import type { Migration } from '../../../../../src/database/table-migrations/versions/migration-names.js';
import { previewMigrations } from '../../../../../src/database/table-migrations/preview/preview-migrations.js';
import { recordedMigrations } from '../../../../../src/database/table-migrations/versions/recorded-migrations.js';
import { createTenantTable, type TenantTable } from '../../../../../src/database/table-migrations/tenant-table.js';
import { sampleSchema } from '../../../../support/sample-schema.js';
import { migration, MigrationFixture } from '../../../../support/tables/migration-fixture.js';

@Entity('notes')
@Index(['number'], { unique: true })
class Note {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column('integer')
  number: number;

  @Column('text')
  title: string;

  @Column('timestamptz', { nullable: true })
  at: Date | null;

  @Column({ type: 'varchar', length: 20, array: true, nullable: true })
  tags: string[] | null;

  @Column({ type: 'enum', enum: ['open', 'done'], default: 'open' })
  state: string;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt: Date;

  @ManyToOne(() => Note)
  @JoinColumn({ name: 'parent_id' })
  parent: Note;
}

/** Reads what another domain owns. */
@Entity('countries', { synchronize: false })
class Country {
  @PrimaryColumn('text')
  code: string;
}

const COLUMNS = {
  id: 'uuid NOT NULL DEFAULT gen_random_uuid()',
  number: 'integer NOT NULL',
  title: 'text NOT NULL',
  at: 'timestamptz',
  tags: 'varchar(20)[]',
  state: `text NOT NULL DEFAULT 'open'`,
  parent_id: 'uuid NOT NULL',
  '"createdAt"': '',
} as const;

const NAME = 'Notes1764000000002';
const FIRST = migration('First1764000000001', 'CREATE TABLE unmapped (id int)');

function notes(change: Partial<Record<string, string>> = {}, table: Partial<TenantTable> = {}): Migration {
  const { '"createdAt"': _, ...columns } = COLUMNS;
  const all = { ...columns, createdAt: 'timestamptz NOT NULL DEFAULT now()', ...change };
  const kept = Object.entries(all).filter(([, type]) => type !== undefined) as [string, string][];
  return migration(NAME, (runner) =>
    createTenantTable(runner, 'notes', { columns: Object.fromEntries(kept), unique: [['number']], ...table }),
  );
}

let fixture: MigrationFixture;
let expected: readonly ExpectedTable[];

beforeAll(async () => {
  fixture = await MigrationFixture.create();
  expected = await expectedOf(Note, Country);
});
afterAll(() => fixture.close());

async function expectedOf(...entities: Type[]): Promise<readonly ExpectedTable[]> {
  return expectedTables(await TemplateDataSource.build({ entities, migrations: [] }));
}

/** Migrates a new schema, and returns what differs. */
async function differences(...migrations: Migration[]): Promise<readonly string[]> {
  const [client, tables] = [await fixture.client(), await fixture.tables()];
  try {
    await migrateTables(client, tables, migrations, { expectedTables: expected });
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(EntityTablesError);
    return (error as EntityTablesError).differences;
  }
}

describe('a migration whose tables are not what the entities map', () => {
  it('fails in its own transaction, so that it is neither applied nor recorded', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const run = migrateTables(client, tables, [FIRST, notes({ title: undefined })], { expectedTables: expected });
    await expect(run).rejects.toMatchObject({
      code: 'ENTITY_TABLES_DIFFER',
      message: 'the tables do not fit the entities: column notes.title is missing (entity Note maps it as text)',
    });
    expect(await recordedMigrations(client, tables.schema)).toEqual(['First1764000000001']);
    expect(await fixture.exists(`${tables.schema}.notes`)).toBe(false);
    const { applied } = await migrateTables(client, tables, [FIRST, notes()], { expectedTables: expected });
    expect(applied).toEqual([NAME]);
  });

  it('is found before, by a preview', async () => {
    const client = await fixture.client();
    const preview = (migrations: Migration[]) =>
      previewMigrations(client, [], migrations, { expectedTables: expected });
    await expect(preview([FIRST])).rejects.toThrow('table notes is missing (entity Note)');
    expect(await preview([FIRST, notes()])).toHaveLength(2);
  });

  it.each<[string, Migration, string]>([
    ['a forgotten table', FIRST, 'table notes is missing (entity Note)'],
    [
      'a table that was made without the helper',
      migration(NAME, 'CREATE TABLE notes (id uuid PRIMARY KEY)'),
      'table notes has no tenant_id (create it with createTenantTable)',
    ],
    ['another type', notes({ number: 'text NOT NULL' }), 'column notes.number is text, entity Note maps it as integer'],
    [
      'a time without a zone',
      notes({ at: 'timestamp' }),
      'column notes.at is timestamp without time zone, entity Note maps it as timestamp with time zone',
    ],
    [
      'a shorter text',
      notes({ tags: 'varchar(10)[]' }),
      'column notes.tags is character varying(10)[], entity Note maps it as character varying(20)[]',
    ],
    [
      'no default',
      notes({ id: 'uuid NOT NULL' }),
      'column notes.id has no default, which entity Note leaves the value to',
    ],
    [
      'NOT NULL',
      notes({ at: 'timestamptz NOT NULL' }),
      'column notes.at does not accept null, entity Note maps it as nullable',
    ],
    [
      'a column that every insert lacks',
      notes({ owner: 'uuid NOT NULL' }),
      'column notes.owner is NOT NULL without a default, and no entity maps it',
    ],
    [
      'another key',
      notes({}, { primaryKey: ['number'] }),
      'table notes has no primary key (id), which entity Note maps',
    ],
    ['no unique key', notes({}, { unique: [] }), 'table notes has no unique key (number), which entity Note maps'],
  ])('names %s', async (_, broken, difference) => {
    expect(await differences(broken)).toContain(difference);
  });

  it.each([
    ['a unique constraint', 'books_title_key', 'ALTER TABLE notes ADD CONSTRAINT books_title_key UNIQUE (title)'],
    ['a unique index', 'one_title', 'CREATE UNIQUE INDEX one_title ON notes (title) INCLUDE (tenant_id)'],
    ['a partial index', 'one_open', `CREATE UNIQUE INDEX one_open ON notes (title) WHERE state = 'open'`],
    ['an index of an expression', 'one_title', 'CREATE UNIQUE INDEX one_title ON notes (lower(title))'],
    ['an exclusion constraint', 'one_at', 'ALTER TABLE notes ADD CONSTRAINT one_at EXCLUDE (at WITH =)'],
    [
      'the primary key',
      'notes_pkey',
      'ALTER TABLE notes DROP CONSTRAINT notes_pkey, ADD CONSTRAINT notes_pkey PRIMARY KEY (id)',
    ],
  ])('names %s on which tenants would collide', async (_, index, sql) => {
    const change = migration('Change1764000000003', sql);
    expect(await differences(notes(), change)).toEqual([
      `unique index ${index} on table notes lacks tenant_id, so that tenants collide on each other's values ` +
        '(add tenant_id to it, as createTenantTable does)',
    ]);
  });

  it('names it when it opts out of a transaction, or has run already, too', async () => {
    const [client, tables] = [await fixture.client(), await fixture.tables()];
    const outside = migration('Outside1764000000003', 'CREATE TABLE other (id int)', false);
    for (let run = 1; run <= 2; run += 1) {
      await expect(migrateTables(client, tables, [FIRST, outside], { expectedTables: expected })).rejects.toThrow(
        'table notes is missing',
      );
    }
  });
});

describe('tables that serve the entities', () => {
  it('are accepted, whatever else they have', async () => {
    const other = {
      remark: 'text',
      amount: 'numeric NOT NULL DEFAULT 0',
      serial: 'bigint GENERATED ALWAYS AS IDENTITY',
    };
    expect(await differences(FIRST, notes(other))).toEqual([]);
    expect(await differences(notes({ title: 'varchar(50) NOT NULL', number: 'integer NOT NULL' }))).toEqual([]);
  });

  it('may have unique indexes of any kind that contain the tenant', async () => {
    const own = `CREATE UNIQUE INDEX ON notes (lower(title), tenant_id) WHERE state = 'open'`;
    expect(await differences(notes(), migration('Change1764000000003', own))).toEqual([]);
  });

  it('are those of the sample application', async () => {
    expected = await expectedOf(...(sampleSchema.entities as Type[]));
    expect(await differences(...sampleSchema.migrations)).toEqual([]);
    expected = await expectedOf(Note, Country);
  });
});
