import { Body, Controller, Delete, Get, Module, Param, Post, Put } from '@nestjs/common';
import { Column, DataSource, Entity, PrimaryColumn, type Repository } from 'typeorm';
import {
  createTenantTable,
  InjectTenantRepository,
  TenantConnectionService,
  TenantryModule,
  TenantScoped,
} from '../../../src/index.js';
import { migration } from '../tables/migration-fixture.js';

@Entity('shelves')
class Shelf {
  @PrimaryColumn('int') id: number;
}

@Entity('books')
class Book {
  @PrimaryColumn('int') id: number;
  @Column('text') title: string;
  @Column('int', { name: 'shelf_id', nullable: true }) shelfId: number | null;
  @Column('int') pages: number;
}

const CREATE_BOOKS = migration('CreateBooks1764100000001', async (runner) => {
  await createTenantTable(runner, 'shelves', { columns: { id: 'int NOT NULL' } });
  await createTenantTable(runner, 'books', {
    columns: { id: 'int NOT NULL', title: 'text NOT NULL', shelf_id: 'int', pages: 'int NOT NULL' },
    unique: [['title']],
    foreignKeys: [{ columns: ['shelf_id'], references: { table: 'shelves' } }],
    checks: { pages: 'pages > 0' },
  });
  await runner.query('CREATE UNIQUE INDEX one_book_per_shelf ON books (tenant_id, shelf_id)');
});

@TenantScoped()
@Controller('books')
class BooksController {
  constructor(
    @InjectTenantRepository(Book) private readonly books: Repository<Book>,
    @InjectTenantRepository(Shelf) private readonly shelves: Repository<Shelf>,
    private readonly connections: TenantConnectionService,
  ) {}

  @Post()
  async create(@Body() book: Book): Promise<void> {
    await this.books.insert(book);
  }

  @Post('together')
  async createTogether(@Body() books: Book[]): Promise<void> {
    await this.connections.transaction((manager) => manager.insert(Book, books));
  }

  @Put(':id')
  async change(@Param('id') id: string, @Body() book: Partial<Book>): Promise<void> {
    await this.books.update({ id: Number(id) }, book);
  }

  @Post('shelves')
  async createShelf(@Body() shelf: Shelf): Promise<void> {
    await this.shelves.insert(shelf);
  }

  @Delete('shelves/:id')
  async deleteShelf(@Param('id') id: string): Promise<void> {
    await this.shelves.delete({ id: Number(id) });
  }

  /** Fails for another reason than a constraint. */
  @Get('broken/:title')
  async broken(@Param('title') title: string): Promise<void> {
    await this.books.query(`SELECT 'literal of ${title.length}', title::int FROM books WHERE title = $1`, [title]);
  }

  /** A database of the application's own has nothing to do with tenants. */
  @Post('own/:url')
  async own(@Param('url') url: string): Promise<void> {
    const own = await new DataSource({ type: 'postgres', url }).initialize();
    try {
      await own.query('CREATE TEMP TABLE users (email text UNIQUE)');
      await own.query("INSERT INTO users VALUES ('ada'), ('ada')");
    } finally {
      await own.destroy();
    }
  }
}

/** A domain of a host application with every kind of constraint. */
@Module({
  imports: [
    TenantryModule.forFeature({
      entities: [Book, Shelf],
      migrations: [CREATE_BOOKS],
      constraints: { books_pages_check: 'must be above zero' },
    }),
  ],
  controllers: [BooksController],
})
export class BooksModule {}
