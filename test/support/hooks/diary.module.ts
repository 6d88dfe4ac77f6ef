import { Injectable, Module } from '@nestjs/common';
import type { EntityManager, Repository } from 'typeorm';
import {
  type HookCall,
  InjectTenantRepository,
  onTenant,
  type SeededTenant,
  type Tenant,
  TenantConnectionService,
  type TenantHooks,
  TenantryModule,
} from '../../../src/index.js';
import { Note } from '../host/notes.module.js';

/** What hooks were called for, in order, and what the next calls do. */
@Injectable()
export class Diary {
  readonly entries: string[] = [];
  readonly keys: string[] = [];
  /** Attempts of `event slug` that still fail. */
  readonly failures = new Map<string, number>();

  write(event: string, { slug, status }: Tenant, { key }: HookCall): void {
    this.entries.push(`${event} ${slug} ${status}`);
    this.keys.push(key);
    const left = this.failures.get(`${event} ${slug}`) ?? 0;
    if (left === 0) return;
    this.failures.set(`${event} ${slug}`, left - 1);
    throw new Error('the hook fails');
  }

  of(slug: string): string[] {
    return this.entries.filter((entry) => entry.split(' ')[1] === slug);
  }
}

/** Without it a tenant is not served. Writes and reads rows in every event but the last. */
@onTenant({ name: 'first-note', required: true })
class FirstNote implements TenantHooks {
  constructor(
    private readonly diary: Diary,
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
    private readonly connections: TenantConnectionService,
  ) {}

  async provisioned(tenant: Tenant, call: HookCall): Promise<void> {
    this.diary.write('provisioned', tenant, call);
    await this.notes.insert({ text: `first of ${tenant.slug}` });
    await this.connections.run(tenant, () =>
      this.connections.transaction(async (manager) => {
        await manager.insert(Note, { text: `second of ${tenant.slug}` });
      }),
    );
    await this.connections.session(async (session) => {
      await session.query('INSERT INTO notes (text) VALUES ($1)', [`third of ${tenant.slug}`]);
    });
  }

  async deleting(tenant: Tenant, call: HookCall): Promise<void> {
    this.diary.write(`deleting(${await this.notes.count()})`, tenant, call);
  }
}

/** Optional, in all events. */
@onTenant()
class Everything implements TenantHooks {
  constructor(
    private readonly diary: Diary,
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
  ) {}

  async provisioned(tenant: Tenant, call: HookCall): Promise<void> {
    this.diary.write('welcomed', tenant, call);
  }

  async migrated(tenant: Tenant, call: HookCall): Promise<void> {
    this.diary.write(`migrated(${await this.notes.count()})`, tenant, call);
  }

  async suspended(tenant: Tenant, call: HookCall): Promise<void> {
    this.diary.write(`suspended(${await this.notes.count()})`, tenant, call);
  }

  async resumed(tenant: Tenant, call: HookCall): Promise<void> {
    this.diary.write('resumed', tenant, call);
  }

  async deleted(tenant: Tenant, call: HookCall): Promise<void> {
    this.diary.write('deleted', tenant, call);
  }
}

/** How often the seeds of a slug still fail, after they have written their row. */
export const seedFailures = new Map<string, number>();

async function seed(manager: EntityManager, { slug, isolation }: SeededTenant): Promise<void> {
  await manager.insert(Note, { text: `seed of ${slug}, ${isolation}` });
  const left = seedFailures.get(slug) ?? 0;
  seedFailures.set(slug, Math.max(0, left - 1));
  if (left > 0) throw new Error('the seed fails');
}

/** A domain of a host application with seeds and hooks. */
@Module({
  imports: [TenantryModule.forFeature({ entities: [Note], seed })],
  providers: [Diary, FirstNote, Everything],
  exports: [Diary],
})
export class DiaryModule {}
