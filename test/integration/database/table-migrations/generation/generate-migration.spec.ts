import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import type pg from 'pg';
import {
  Check,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  Exclusion,
  Index,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToOne,
  JoinColumn,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  ChildEntity,
  Unique,
  VersionColumn,
} from 'typeorm';
import { TemplateDataSource } from '../../../../../src/database/data-source/template-data-source.js';
import { expectedTables } from '../../../../../src/database/table-migrations/comparison/expected-tables.js';
import {
  generateMigration,
  firstMigrationSteps,
} from '../../../../../src/database/table-migrations/generation/generate-migration.js';
import { migrationSource } from '../../../../../src/database/table-migrations/generation/migration-source.js';
import { MigrationNotGeneratedError } from '../../../../../src/database/table-migrations/generation/generation.errors.js';
import type { MigrationStep } from '../../../../../src/database/table-migrations/generation/migration-step.js';
import { migrateTables } from '../../../../../src/database/table-migrations/execution/migrate-tables.js';
import type { Migration } from '../../../../../src/database/table-migrations/versions/migration-names.js';
import { sampleSchema } from '../../../../support/sample-schema.js';
import { blocksOf, essenceOf } from '../../../../support/docs/code-blocks.js';
import { compiledMigration } from '../../../../support/tables/generated-migration.js';
import { MigrationFixture } from '../../../../support/tables/migration-fixture.js';

@Entity('shelves')
class Shelf {
  @PrimaryGeneratedColumn()
  id: number;

  @Column({ unique: true })
  name: string;

  @OneToOne(() => Book, { nullable: true, onDelete: 'SET NULL' })
  @JoinColumn({ name: 'first_book_id' })
  firstBook: object | null;
}

@Entity('tags')
class Tag {
  @PrimaryColumn({ length: 50 })
  name: string;
}

@Entity('books')
@Unique(['shelf', 'title'])
@Check('pages', `"pages" > 0`)
@Index(['title'], { where: 'deleted_at IS NULL' })
@Index(['isbn'], { unique: true, where: 'deleted_at IS NULL' })
class Book {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column({ length: 200, default: `don't know` })
  title: string;

  @Column('text', { nullable: true })
  isbn: string | null;

  @Column('integer')
  pages: number;

  @Column('numeric', { precision: 10, scale: 2, default: 0 })
  price: string;

  @Index()
  @Column({ type: 'enum', enum: ['draft', 'out'], default: 'draft' })
  state: string;

  @Column({ type: 'enum', enum: ['a', 'b'], array: true, default: [] })
  marks: string[];

  @Column('varchar', { length: 20, array: true, nullable: true })
  words: string[] | null;

  @Column('jsonb', { default: { a: "it's" } })
  data: object;

  @Column({ type: 'text', generatedType: 'STORED', asExpression: 'lower(title)' })
  sortTitle: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  createdAt: Date;

  @DeleteDateColumn({ name: 'deleted_at' })
  deletedAt: Date | null;

  @VersionColumn()
  version: number;

  @ManyToOne(() => Shelf, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'shelf_id' })
  shelf: Shelf;

  @ManyToOne(() => Book, { nullable: true })
  sequelOf: object | null;

  @ManyToMany(() => Tag)
  @JoinTable()
  tags: Tag[];
}

@Entity('events')
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
class Event {
  @PrimaryGeneratedColumn('identity')
  id: number;
}

@ChildEntity()
class Sale extends Event {
  @Column('bigint')
  amount: string;

  @ManyToOne(() => Book)
  book: Book;
}

const LIBRARY = [Shelf, Tag, Book, Event, Sale];

/** Two states of an entity of one table. */
function versions<T extends Type[]>(...classes: T): T {
  return classes;
}

let fixture: MigrationFixture;
let client: pg.Client;

beforeAll(async () => {
  fixture = await MigrationFixture.create();
  client = await fixture.client();
});
afterAll(() => fixture.close());

function template(entities: readonly Type[]): Promise<TemplateDataSource> {
  return TemplateDataSource.build({ entities, migrations: [] });
}

async function generate(entities: readonly Type[], migrations: readonly Migration[] = []) {
  return generateMigration(client, await template(entities), { migrations });
}

function named(steps: readonly MigrationStep[], n: number): Migration {
  return compiledMigration(`Generated${1764000000000 + n}`, steps);
}

function statements(steps: readonly MigrationStep[]): string[] {
  return steps.map((step) => ('table' in step ? `createTenantTable ${step.table}` : step.up));
}

/** Generates, compiles and runs both migrations, on rows that exist in between. @returns the statements of the second one */
async function changed(from: readonly Type[], to: readonly Type[], rows = ''): Promise<string[]> {
  const first = named((await generate(from)).steps, 1);
  const { steps } = await generate(to, [first]);
  const second = named(steps, 2);
  const tables = await fixture.tables();
  await migrateTables(client, tables, [first]);
  await client.query(`SET search_path = ${tables.schema}`);
  if (rows) await client.query(rows);
  await migrateTables(client, tables, [first, second], { expectedTables: expectedTables(await template(to)) });
  expect((await generate(to, [first, second])).steps).toEqual([]);
  return statements(steps);
}

describe('a generated migration', () => {
  it('makes all that entities map, and leaves no difference', async () => {
    const { steps, notCompared } = await generate(LIBRARY);
    expect(notCompared).toEqual([]);
    expect(steps).toEqual(firstMigrationSteps(await template(LIBRARY)));
    const migration = named(steps, 1);
    const tables = await fixture.tables();
    await migrateTables(client, tables, [migration], { expectedTables: expectedTables(await template(LIBRARY)) });
    expect((await generate(LIBRARY, [migration])).steps).toEqual([]);
  });

  it('takes back all that it made', async () => {
    const migration = named((await generate(LIBRARY)).steps, 1);
    const tables = await fixture.tables();
    await migrateTables(client, tables, [migration]);
    await client.query(`SET search_path = ${tables.schema}`);
    const runner = { query: (sql: string) => client.query(sql) };
    await new migration().down(runner as never);
    const left = await client.query(
      `SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> 'migrations'`,
      [tables.schema],
    );
    expect(left.rows.map(({ tablename }) => tablename as string).filter((name) => !/migrations/.test(name))).toEqual(
      [],
    );
  });

  it('is what the guide shows', async () => {
    const [Before, After] = versions(
      (() => {
        @Entity('note')
        class Note {
          @PrimaryGeneratedColumn('uuid')
          id: string;
        }
        return Note;
      })(),
      (() => {
        @Entity('note')
        class Note {
          @PrimaryGeneratedColumn('uuid')
          id: string;

          @Column({ default: false })
          pinned: boolean;
        }
        return Note;
      })(),
    );
    const AddedTag = (() => {
      @Entity('tag')
      class Label {
        @PrimaryColumn({ length: 50 })
        name: string;
      }
      return Label;
    })();
    const first = named((await generate([Before])).steps, 1);
    const { steps } = await generate([After, AddedTag], [first]);
    const guide = readFileSync(new URL('../../../../../docs/guides/migrations.md', import.meta.url), 'utf8');
    const [shown] = blocksOf('migrations.md', guide).filter(({ language }) => language === 'ts');
    expect(essenceOf(migrationSource('AddTags1770000000000', steps))).toBe(essenceOf(shown?.text ?? ''));
  });

  it('names in a comment an index that conditions cannot use under the policies', async () => {
    @Entity('parcels')
    class Parcel {
      @PrimaryGeneratedColumn()
      id: number;

      @Index()
      @Column('numeric')
      weight: string;

      @Index()
      @Column()
      label: string;
    }
    const { steps } = await generate([Parcel]);
    const source = migrationSource('AddParcels1770000000000', steps);
    expect(source).toMatch(
      /\/\/ Index parcels_weight_idx of parcels: conditions on weight .*\n +await createTenantTable/,
    );
    expect(source.match(/\/\//g)).toHaveLength(1);
  });

  it('is not needed for tables whose migrations were written by hand', async () => {
    const { entities, migrations } = sampleSchema;
    expect(statements((await generate(entities as Type[], migrations)).steps)).toEqual([]);
  });

  it('adds tables, columns, keys and indexes to those that exist', async () => {
    const [Before, After] = versions(
      (() => {
        @Entity('notes')
        class Note {
          @PrimaryGeneratedColumn('uuid')
          id: string;

          @Column('text')
          title: string;

          @Column('varchar', { length: 5 })
          code: string;

          @Column('smallint')
          rank: number;
        }
        return Note;
      })(),
      (() => {
        @Entity('notes')
        @Unique(['code'])
        class Note {
          @PrimaryGeneratedColumn('uuid')
          id: string;

          @Index()
          @Column('text', { nullable: true, default: 'none' })
          title: string | null;

          @Column('varchar', { length: 10 })
          code: string;

          @Column('bigint')
          rank: string;

          @Column({ type: 'enum', enum: ['open', 'done'], default: 'open' })
          state: string;

          @ManyToOne(() => Tag, { nullable: true, onDelete: 'SET NULL' })
          tag: Tag | null;
        }
        return Note;
      })(),
    );
    const row = `INSERT INTO notes (tenant_id, title, code, rank) VALUES (gen_random_uuid(), 't', 'c', 1)`;
    expect(await changed([Before], [After, Tag], row)).toEqual([
      'createTenantTable tags',
      'ALTER TABLE "notes" ALTER COLUMN "title" SET DEFAULT \'none\'',
      'ALTER TABLE "notes" ALTER COLUMN "title" DROP NOT NULL',
      'ALTER TABLE "notes" ALTER COLUMN "code" TYPE character varying(10)',
      'ALTER TABLE "notes" ALTER COLUMN "rank" TYPE bigint',
      'ALTER TABLE "notes" ADD COLUMN "state" text NOT NULL DEFAULT \'open\'',
      'ALTER TABLE "notes" ADD COLUMN "tagName" character varying(50)',
      'ALTER TABLE "notes" ADD CONSTRAINT "notes_code_key" UNIQUE (tenant_id, code)',
      expect.stringMatching(/^ALTER TABLE "notes" ADD CONSTRAINT "notes_state_check" CHECK /),
      expect.stringMatching(
        /^ALTER TABLE "notes" ADD CONSTRAINT "notes_tagName_fkey" FOREIGN KEY .* SET NULL \("tagName"\)$/,
      ),
      'CREATE INDEX "notes_title_idx" ON "notes" ("tenant_id", "title")',
      'CREATE INDEX "notes_tagName_idx" ON "notes" ("tenant_id", "tagName")',
    ]);
  });

  it('admits new values of an enum, and keeps the values of a column that no entity maps any more', async () => {
    const [Before, After] = versions(
      (() => {
        @Entity('jobs')
        class Job {
          @PrimaryGeneratedColumn()
          id: number;

          @Column({ type: 'enum', enum: ['open', 'done'] })
          state: string;

          @Column('text')
          former: string;
        }
        return Job;
      })(),
      (() => {
        @Entity('jobs')
        class Job {
          @PrimaryGeneratedColumn()
          id: number;

          @Column({ type: 'enum', enum: ['open', 'done', 'late'] })
          state: string;
        }
        return Job;
      })(),
    );
    const row = `INSERT INTO jobs (tenant_id, state, former) VALUES (gen_random_uuid(), 'open', 'f')`;
    expect(await changed([Before], [After], row)).toEqual([
      'ALTER TABLE "jobs" ALTER COLUMN "former" DROP NOT NULL',
      expect.stringMatching(/DROP CONSTRAINT "jobs_state_check", ADD CONSTRAINT "jobs_state_check" CHECK .*'late'/),
    ]);
  });

  it('refuses what it cannot express, and names it', async () => {
    const [Before, After] = versions(
      (() => {
        @Entity('rooms')
        class Room {
          @PrimaryGeneratedColumn('uuid')
          id: string;

          @Column('text')
          number: string;
        }
        return Room;
      })(),
      (() => {
        @Entity('rooms')
        class Room {
          @PrimaryGeneratedColumn('uuid')
          id: string;

          @Column('integer')
          number: number;

          @Column('text')
          name: string;
        }
        return Room;
      })(),
    );
    @Entity('bookings')
    @Exclusion('no_overlap', 'USING gist (during WITH &&)')
    class Booking {
      @PrimaryGeneratedColumn('uuid')
      id: string;

      @Column('tstzrange')
      during: string;
    }
    const first = named((await generate([Before])).steps, 1);
    const refused = generate([After, Booking], [first]);
    await expect(refused).rejects.toThrow(MigrationNotGeneratedError);
    await expect(refused).rejects.toThrow(/rooms.number is text, entities map it as integer/);
    await expect(refused).rejects.toThrow(/rooms.name is new and NOT NULL without a default/);
    await expect(refused).rejects.toThrow(/entity Booking has the exclusion no_overlap/);
  });
});
