import { Injectable, Module } from '@nestjs/common';
import type { EntityManager, Repository } from 'typeorm';
import {
  type HookCall,
  InjectTenantRepository,
  onTenant,
  type SeededTenant,
  type Tenant,
  type TenantHooks,
  TenantryModule,
} from '../../../src/index.js';
import { Note } from '../host/notes.module.js';

/** What would have been sent. */
@Injectable()
export class Mail {
  readonly sent: { readonly subject: string; readonly key: string }[] = [];

  async send(subject: string, { key }: { readonly key: string }): Promise<void> {
    this.sent.push({ subject, key });
  }
}

@onTenant()
class WelcomeMail implements TenantHooks {
  constructor(
    private readonly mail: Mail,
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
  ) {}

  async provisioned(tenant: Tenant, { key }: HookCall): Promise<void> {
    const notes = await this.notes.count(); // the tenant's own
    await this.mail.send(`${tenant.slug} has ${notes} notes to begin with`, { key });
  }
}

async function seed(manager: EntityManager, { slug }: SeededTenant): Promise<void> {
  await manager.insert(Note, [{ text: `Welcome, ${slug}` }, { text: 'Write your first note' }]);
}

@Module({
  imports: [TenantryModule.forFeature({ entities: [Note], seed })],
  providers: [Mail, WelcomeMail],
})
export class WelcomeModule {}
