import { Controller, Get, Injectable } from '@nestjs/common';
import type { Repository } from 'typeorm';
import {
  CacheResponse,
  InjectTenantRepository,
  TenantCache,
  TenantContext,
  TenantPaths,
  TenantScoped,
} from '../../../src/index.js';
import { Note } from './notes.module.js';

@Injectable()
export class NoteCounts {
  computed = 0;

  constructor(
    private readonly cache: TenantCache,
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
  ) {}

  count(): Promise<number> {
    return this.cache.getOrLoad('note-count', () => this.compute(), { ttlMs: 600_000 });
  }

  async add(text: string): Promise<void> {
    await this.notes.insert({ text });
    await this.cache.delete('note-count'); // after the commit: an earlier load would count, and keep, the former rows
  }

  private compute(): Promise<number> {
    this.computed += 1;
    return this.notes.count();
  }
}

@TenantScoped()
@Controller('statistics')
export class StatisticsController {
  constructor(
    private readonly counts: NoteCounts,
    private readonly context: TenantContext,
  ) {}

  @CacheResponse({ ttlMs: 60_000 })
  @Get()
  async statistics(): Promise<{ readonly slug: string; readonly notes: number }> {
    return { slug: this.context.current().tenant.slug, notes: await this.counts.count() };
  }
}

@Injectable()
export class Invoices {
  constructor(private readonly paths: TenantPaths) {}

  /** The key of an object in a store that all tenants share. */
  keyOf(fileName: string): string {
    return this.paths.path('invoices', fileName); // tenants/<id>/invoices/7.pdf; INVALID_PATH for '../7.pdf'
  }
}
