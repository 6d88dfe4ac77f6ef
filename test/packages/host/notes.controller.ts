import { All, Body, Controller, Get, Param, Post } from '@nestjs/common';
import { InjectTenantRepository, TenantConnectionService, TenantContext, TenantScoped } from 'tenantry';
import { Repository } from 'typeorm';
import { Note } from './note.entity.js';

@TenantScoped()
@Controller('notes')
export class NotesController {
  constructor(
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
    private readonly tenants: TenantConnectionService,
    private readonly context: TenantContext,
  ) {}

  @Get()
  async list(): Promise<{ tenant: string; notes: string[] }> {
    const notes = await this.notes.find({ order: { text: 'ASC' } });
    return { tenant: this.context.current().tenant.slug, notes: notes.map(({ text }) => text) };
  }

  /** In a transaction, which takes another way through the pool than a single statement. */
  @Post()
  async add(@Body() body: { text: string }): Promise<Note> {
    return this.tenants.transaction((manager) => manager.save(Note, { text: body.text }));
  }

  @All(':id/tenant')
  tenant(@Param('id') id: string): { tenant: string; id: string } {
    return { tenant: this.context.current().tenant.slug, id };
  }
}
