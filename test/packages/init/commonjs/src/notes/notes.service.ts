import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Note } from './note.entity';
import { Notebook } from './notebook.entity';

@Injectable()
export class NotesService {
  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    @InjectRepository(Notebook) private readonly notebooks: Repository<Notebook>,
  ) {}

  list(): Promise<Note[]> {
    return this.notes.find({ relations: { notebook: true, tags: true }, order: { createdAt: 'ASC' } });
  }

  async create(notebook: string, title: string): Promise<Note> {
    const found = await this.notebooks.findOneBy({ name: notebook });
    return this.notes.save({ title, notebook: found ?? (await this.notebooks.save({ name: notebook })) });
  }
}
