import { Module } from '@nestjs/common';
import { TenantryModule } from 'tenantry';
import { CreateNotes1764100000000 } from './create-notes.js';
import { Note } from './note.entity.js';
import { NotesController } from './notes.controller.js';

@Module({
  imports: [TenantryModule.forFeature({ entities: [Note], migrations: [CreateNotes1764100000000] })],
  controllers: [NotesController],
})
export class NotesModule {}
