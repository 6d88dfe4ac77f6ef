import { Body, Controller, Get, Module, Post, type Type } from '@nestjs/common';
import { Column, Entity, PrimaryColumn, type Repository } from 'typeorm';
import { InjectTenantRepository, TenantryModule } from '../../../src/index.js';
import type { Migration } from '../../../src/database/table-migrations/versions/migration-names.js';
import { createTenantTable } from '../../../src/database/table-migrations/tenant-table.js';
import type { RootModule } from '../../../src/server/server.module.js';
import { migration } from '../tables/migration-fixture.js';

/** An application with notes, in two releases: the second has a migration between those of the first. */

@Entity('notes')
class FormerNote {
  @PrimaryColumn('int')
  id: number;

  @Column('text', { nullable: true })
  body: string | null;
}

@Entity('notes')
export class Note {
  @PrimaryColumn('int')
  id: number;

  @Column('text', { nullable: true })
  title: string | null;

  @Column('text', { nullable: true })
  body: string | null;
}

export const CREATE_NOTES = migration('CreateNotes1764000000001', (runner) =>
  createTenantTable(runner, 'notes', { columns: { id: 'int NOT NULL' } }),
);
/** Merged late. */
export const ADD_TITLE = migration('AddTitle1764000000002', 'ALTER TABLE notes ADD COLUMN title text');
export const ADD_BODY = migration('AddBody1764000000003', 'ALTER TABLE notes ADD COLUMN body text');

export const FIRST_MIGRATIONS = [CREATE_NOTES, ADD_BODY];

/** `GET /api/v1/notes` reads the entity, `POST` of an `id` inserts one. */
export function notesRelease(entity: Type, migrations: readonly Migration[]): RootModule {
  @Controller('api/v1/notes')
  class NotesController {
    constructor(@InjectTenantRepository(entity) private readonly notes: Repository<object>) {}

    @Get()
    list(): Promise<object[]> {
      return this.notes.find();
    }

    @Post()
    async add(@Body() { id }: { id: number }): Promise<void> {
      await this.notes.insert({ id });
    }
  }

  @Module({
    imports: [
      TenantryModule.forRoot({ guard: 'global', controlPlane: true, health: true, metrics: true }),
      TenantryModule.forFeature({ entities: [entity], migrations }),
    ],
    controllers: [NotesController],
  })
  class NotesModule {}
  return NotesModule;
}

export const firstRelease = (): RootModule => notesRelease(FormerNote, FIRST_MIGRATIONS);

export const secondRelease = (): RootModule => notesRelease(Note, [CREATE_NOTES, ADD_TITLE, ADD_BODY]);
