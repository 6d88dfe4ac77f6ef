import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Note } from './note.entity';
import { Notebook } from './notebook.entity';
import { NotesController } from './notes.controller';
import { NotesService } from './notes.service';
import { Tag } from './tag.entity';

@Module({
  imports: [TypeOrmModule.forFeature([Note, Notebook, Tag])],
  controllers: [NotesController],
  providers: [NotesService],
})
export class NotesModule {}
