import { expect } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { DataSource, Repository } from 'typeorm';
import { TenantLifecycle } from '../../../src/admin/tenants/tenant-lifecycle.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import type { TenantLimits } from '../../../src/catalog/model/tenant-limits.js';
import { NoTenantContextError, TenantContext, TenantJobs, tenantRepositoryToken } from '../../../src/index.js';
import type { TestTenancy } from '../../../src/testing.js';
import { Note } from '../host/notes.module.js';
import { soon } from '../load/soon.js';
import { testServer } from '../postgres/postgres.js';

/** Tenants of each isolation. */
export const TENANTS = [
  'acme',
  { slug: 'globex', isolation: 'schema' },
  { slug: 'initech', isolation: 'database' },
] as const;

export type NotesTenancy = TestTenancy<'acme' | 'globex' | 'initech'>;

/** The tests' PostgreSQL, as the owner. */
export function serverUrl(): string {
  const { host, port, owner, ownerPassword } = testServer();
  return `postgres://${owner}:${encodeURIComponent(ownerPassword)}@${host}:${port}/tenantry`;
}

/** What jobs of the tests do: they note in their tenant's table for whom they run. */
export class NotesJobs {
  readonly jobs: TenantJobs;
  readonly context: TenantContext;
  private readonly notes: Repository<Note>;
  private readonly lifecycle: TenantLifecycle;

  constructor(
    private readonly tenancy: TestTenancy,
    readonly app: INestApplication = tenancy.app,
  ) {
    this.jobs = app.get(TenantJobs, { strict: false });
    this.context = app.get(TenantContext, { strict: false });
    this.notes = app.get(tenantRepositoryToken(Note), { strict: false });
    this.lifecycle = app.get(TenantLifecycle, { strict: false });
  }

  /** Throws when a statement before or behind it runs for another tenant. */
  readonly note = async (text: string): Promise<{ slug: string; principal: unknown }> => {
    const { tenant, principal } = this.context.current();
    await this.notes.insert({ text: `${tenant.slug}: ${text}` });
    return { slug: tenant.slug, principal };
  };

  /** The slug of the current tenant; undefined outside a context. */
  readonly slug = (): string | undefined => {
    try {
      return this.context.current().tenant.slug;
    } catch (error) {
      if (error instanceof NoTenantContextError) return undefined;
      throw error;
    }
  };

  /** In the tenant's context, as one of its requests. */
  as<T>(slug: string, work: () => Promise<T>): Promise<T> {
    return this.tenancy.withTenant(slug, work, { principal: { user: `of ${slug}` } });
  }

  /** The texts in a tenant's table. */
  async of(slug: string): Promise<string[]> {
    return this.tenancy.withTenant(slug, async () => (await this.notes.find()).map(({ text }) => text).sort());
  }

  /** Resolves when this instance knows it. */
  async limit(slug: string, limits: TenantLimits): Promise<void> {
    const catalog = this.app.get<DataSource>(CATALOG, { strict: false });
    await catalog.query('UPDATE tenants SET limits = $2 WHERE slug = $1', [slug, limits]);
    await soon(async () => expect(await this.as(slug, async () => this.context.current().limits)).toEqual(limits));
  }

  /** Resolves when this instance knows it. */
  async suspend(slug: string): Promise<void> {
    await this.lifecycle.suspend(slug, TENANTRY_ACTOR);
    await soon(() => expect(this.of(slug)).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' }));
  }

  /** Resolves when this instance knows it. */
  async resume(slug: string): Promise<void> {
    await this.lifecycle.resume(slug, TENANTRY_ACTOR);
    await soon(async () => void (await this.of(slug)));
  }
}
