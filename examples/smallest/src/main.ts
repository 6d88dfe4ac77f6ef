import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { fileURLToPath } from 'node:url';
import { createTenantTable, dropTenantTable, InjectTenantRepository, TenantryModule, TenantScoped } from 'tenantry';
import { Column, Entity, type MigrationInterface, PrimaryGeneratedColumn, type QueryRunner, Repository } from 'typeorm';

@Entity('notes')
class Note {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('text')
  text!: string;
}

class CreateNotes1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const columns = { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' };
    await createTenantTable(runner, 'notes', { columns });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'notes');
  }
}

@TenantScoped()
@Controller('notes')
class NotesController {
  constructor(@InjectTenantRepository(Note) private readonly notes: Repository<Note>) {}

  @Get()
  list(): Promise<Note[]> {
    return this.notes.find();
  }

  @Post()
  add(@Body('text') text: string): Promise<Note> {
    return this.notes.save({ text: String(text) });
  }
}

@Module({
  imports: [
    TenantryModule.forRoot({}),
    TenantryModule.forFeature({ entities: [Note], migrations: [CreateNotes1764100000000] }),
  ],
  controllers: [NotesController],
})
export class AppModule {}

// The command line imports this file for its module, and starts nothing.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks();
  await app.listen(process.env.PORT ?? 3000);
  console.log(`listening on ${await app.getUrl()}`);
}
