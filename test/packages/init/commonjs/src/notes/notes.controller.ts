import { Body, Controller, Get, Post } from '@nestjs/common';
import { Note } from './note.entity';
import { NotesService } from './notes.service';

@Controller('notes')
export class NotesController {
  constructor(private readonly notes: NotesService) {}

  @Get()
  list(): Promise<Note[]> {
    return this.notes.list();
  }

  @Post()
  create(@Body() body: { notebook: string; title: string }): Promise<Note> {
    return this.notes.create(body.notebook, body.title);
  }
}
