import type { INestApplication } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlPlaneSession } from '../cli/session/control-plane-session.js';
import { resolveInjectable } from '../platform/injectable-copies.js';
import { TenantLookup } from '../tenant/directory/tenant-lookup.js';
import { emptyTenantTables } from './empty-tables.js';
import type { NewTestTenant, TestTenancy, TestTenant } from './test-tenancy.js';
import { TestTenantOutdatedError } from './testing.errors.js';
import { TestTenants } from './test-tenants.js';
import { withTenant, type WithTenantOptions } from './with-tenant.js';

/** What a running tenancy is made of. */
export interface TenancyParts {
  readonly app: INestApplication;
  readonly session: ControlPlaneSession;
  /** Closes both, drops the databases, and gives back the server and the variables. */
  readonly release: () => Promise<void>;
}

/** How long the application may take to receive a change of the catalog. */
const PROPAGATION_TIMEOUT_MS = 10_000;
const RETRY_MS = 5;

/** The application, the control plane over its catalog, and the tenants of a test. */
export class RunningTenancy<Slug extends string = string> implements TestTenancy<Slug> {
  private readonly testTenants: TestTenants;
  private readonly initialTenants = new Map<string, TestTenant>();
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly parts: TenancyParts,
    readonly url: string,
  ) {
    this.testTenants = new TestTenants(parts.session);
  }

  get app(): INestApplication {
    return this.parts.app;
  }

  get tenants(): Readonly<Record<Slug, TestTenant>> {
    return Object.fromEntries(this.initialTenants) as Record<Slug, TestTenant>;
  }

  async createTenant(tenant: string | NewTestTenant): Promise<TestTenant> {
    const created = await this.testTenants.create(typeof tenant === 'string' ? { slug: tenant } : tenant);
    await this.waitForChanges([created.slug]);
    return created;
  }

  withTenant<T>(slug: string, work: () => T | Promise<T>, options?: WithTenantOptions): Promise<T> {
    return withTenant(this.app, slug, work, options);
  }

  async reset(): Promise<void> {
    const tenants = [...this.initialTenants.values()];
    const removed = await this.testTenants.removeOthers(tenants);
    for (const tenant of tenants) this.initialTenants.set(tenant.slug, await this.testTenants.restore(tenant));
    await emptyTenantTables(this.parts.session);
    await this.waitForChanges([...removed, ...this.initialTenants.keys()]);
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.parts.release());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async createInitial(tenants: readonly NewTestTenant[]): Promise<void> {
    const created = await Promise.all(tenants.map((tenant) => this.testTenants.create(tenant)));
    for (const tenant of created) this.initialTenants.set(tenant.slug, tenant);
    await this.waitForChanges([...this.initialTenants.keys()]);
  }

  /** The application learns of changes by a notification: until then, it would serve what it has cached. */
  private async waitForChanges(slugs: readonly string[]): Promise<void> {
    const versions = await this.testTenants.versions();
    const lookup = resolveInjectable(this.app, TenantLookup);
    const deadline = performance.now() + PROPAGATION_TIMEOUT_MS;
    for (const slug of slugs) {
      while ((await lookup.bySlug(slug))?.version !== versions.get(slug)) {
        if (performance.now() > deadline) throw new TestTenantOutdatedError(slug, PROPAGATION_TIMEOUT_MS);
        await delay(RETRY_MS);
      }
    }
  }
}
