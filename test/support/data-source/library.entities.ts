import {
  AfterLoad,
  BeforeInsert,
  BeforeUpdate,
  ChildEntity,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  EntitySchema,
  Index,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryGeneratedColumn,
  type Relation,
  RelationId,
  TableInheritance,
  Unique,
  UpdateDateColumn,
  VersionColumn,
  VirtualColumn,
} from 'typeorm';

// `owner` is the tenant's name, written by the tests: it shows, from outside, which tenant a row was meant for.

@Entity()
export class Country {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  name: string;
}

/** Embedded, with a relation of its own. */
export class Address {
  @Column()
  city: string;

  @Column({ nullable: true })
  street?: string;

  @ManyToOne(() => Country, { cascade: true, nullable: true })
  @JoinColumn({ name: 'countryId' })
  country?: Relation<Country> | null;
}

@Entity()
export class Profile {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  motto: string;
}

@Entity()
export class Author {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  name: string;

  @Column(() => Address)
  address: Address;

  @OneToOne(() => Profile, { cascade: true, eager: true })
  @JoinColumn()
  profile?: Relation<Profile> | null;

  @OneToMany(() => Book, (book) => book.author, { cascade: true })
  books: Relation<Book>[];

  @VirtualColumn({ query: (alias) => `SELECT count(*)::int FROM book WHERE "authorId" = ${alias}.id` })
  bookCount: number;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ type: 'timestamptz' })
  updatedAt: Date;

  @DeleteDateColumn({ type: 'timestamptz' })
  deletedAt?: Date | null;

  @VersionColumn()
  version: number;
}

export type BookStatus = 'draft' | 'printed' | 'out_of_print';

/** Minor units in the database and in JavaScript; the column is text so that the transformer must have run. */
const cents = { to: (value?: number) => value?.toString(), from: (value: string) => Number(value) };

@Entity()
// As in the table: unique per tenant.
@Unique('book_isbn', ['tenantId', 'isbn'])
export class Book {
  @PrimaryGeneratedColumn('identity')
  id: number;

  /** Mapped because `upsert` has to name it; the database fills it. */
  @Column({ type: 'uuid', name: 'tenant_id', insert: false, update: false, select: false })
  tenantId: string;

  @Column()
  owner: string;

  @Column()
  isbn: string;

  @Column()
  @Index()
  title: string;

  @Column({ type: 'enum', enum: ['draft', 'printed', 'out_of_print'], default: 'draft' })
  status: BookStatus;

  @Column({ type: 'enum', enum: ['dark', 'funny', 'slow'], array: true, default: [] })
  moods: string[];

  @Column('text', { array: true, default: [] })
  keywords: string[];

  @Column('jsonb', { default: {} })
  details: { pages?: number; review?: { stars: number } };

  @Column({ type: 'text', transformer: cents, default: '0' })
  price: number;

  @Column('int', { default: 0 })
  stock: number;

  @Column({ type: 'int', asExpression: 'char_length(title)', generatedType: 'STORED' })
  titleLength: number;

  @Column({ select: false, nullable: true })
  secret?: string;

  @ManyToOne(() => Author, (author) => author.books, { onDelete: 'CASCADE' })
  author?: Relation<Author> | null;

  @RelationId((book: Book) => book.author)
  authorId: string;

  @ManyToMany(() => Tag, (tag) => tag.books, { cascade: true })
  @JoinTable()
  tags: Relation<Tag>[];
}

@Entity()
export class Tag {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  label: string;

  @ManyToMany(() => Book, (book) => book.tags)
  books: Relation<Book>[];
}

@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
export class Medium {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  title: string;
}

@ChildEntity()
export class Film extends Medium {
  @Column('int')
  minutes: number;
}

@ChildEntity()
export class Song extends Medium {
  @Column()
  band: string;
}

/** Records the calls of its listeners. */
@Entity()
export class Note {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  text: string;

  @Column({ nullable: true })
  trail?: string;

  loaded?: boolean;

  @BeforeInsert()
  beforeInsert(): void {
    this.trail = `inserted by ${this.owner}`;
  }

  @BeforeUpdate()
  beforeUpdate(): void {
    this.trail = `updated by ${this.owner}`;
  }

  @AfterLoad()
  afterLoad(): void {
    this.loaded = true;
  }
}

export interface Setting {
  key: string;
  owner: string;
  value: string;
}

/** Defined without a class. */
export const SettingSchema = new EntitySchema<Setting>({
  name: 'setting',
  columns: {
    key: { type: 'text', primary: true },
    owner: { type: 'text' },
    value: { type: 'text' },
  },
});

export const LIBRARY_ENTITIES = [Country, Profile, Author, Book, Tag, Medium, Film, Song, Note, SettingSchema] as const;
