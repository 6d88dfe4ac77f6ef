import { Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import { InjectTenantRepository, TenantContext, tenantScopedLoader } from 'tenantry';
import { In, Repository } from 'typeorm';
import { Note } from './note.js';

/** A singleton: every method works for the tenant of the call. */
@Injectable()
export class NotesService {
  /** One per call. */
  readonly loader = tenantScopedLoader(() => this.createLoader());
  /** The mistake: one for all calls of all tenants. */
  readonly sharedLoader = this.createLoader();

  constructor(
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
    private readonly context: TenantContext,
  ) {}

  get tenant(): string {
    return this.context.current().tenant.slug;
  }

  list(): Promise<Note[]> {
    return this.notes.find({ order: { text: 'ASC' } });
  }

  count(): Promise<number> {
    return this.notes.count();
  }

  add(text: string): Promise<Note> {
    return this.notes.save(this.notes.create({ text }));
  }

  private createLoader(): DataLoader<string, Note | undefined> {
    return new DataLoader(async (ids) => {
      const found = new Map((await this.notes.findBy({ id: In([...ids]) })).map((note) => [note.id, note]));
      return ids.map((id) => found.get(id));
    });
  }
}
