import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CACHE, type Cache } from '../cache/cache.js';
import { type ApiKeyRecord, TenantDirectory } from '../catalog/tenant-directory.js';
import { CatalogChangeFeed } from '../catalog/catalog-change-feed.js';
import type { Tenant } from '../catalog/tenant.js';
import type { ConnectionTarget } from '../database/pool/connection-target.js';

interface TenantRef {
  readonly id: string;
}

/**
 * What the catalog says, through the cache. Keys name what they hold (`tenant:<id>`, `slug:<slug>`, `domain:<host>`,
 * `key:<id>`, `target:<id>`), and a change of the catalog forgets exactly the keys it touches.
 */
@Injectable()
export class TenantLookup implements OnModuleInit {
  private readonly logger = new Logger(TenantLookup.name);

  constructor(
    @Inject(CACHE) private readonly cache: Cache,
    private readonly directory: TenantDirectory,
    private readonly changes: CatalogChangeFeed,
  ) {}

  onModuleInit(): void {
    this.changes.subscribe((event) => {
      if (event.kind === 'reset') {
        this.logger.debug('Catalog notifications may have been missed: forgetting everything cached');
        return this.cache.clear();
      }
      const { tenantId, slugs, keyIds, domains, targetId } = event;
      if (tenantId !== undefined) this.cache.delete(`tenant:${tenantId}`);
      for (const slug of slugs) this.cache.delete(`slug:${slug}`);
      for (const keyId of keyIds) this.cache.delete(`key:${keyId}`);
      for (const domain of domains) this.cache.delete(`domain:${domain}`);
      if (targetId !== undefined) this.cache.delete(`target:${targetId}`);
    });
  }

  byId(id: string): Promise<Tenant | null> {
    return this.cache.getOrLoad(`tenant:${id}`, () => this.directory.findById(id));
  }

  async bySlug(slug: string): Promise<Tenant | null> {
    return this.follow(
      await this.cache.getOrLoad<TenantRef>(`slug:${slug}`, () => this.refTo(this.directory.findBySlug(slug))),
    );
  }

  async byDomain(host: string): Promise<Tenant | null> {
    return this.follow(
      await this.cache.getOrLoad<TenantRef>(`domain:${host}`, () => this.refTo(this.directory.findByDomain(host))),
    );
  }

  apiKey(keyId: string): Promise<ApiKeyRecord | null> {
    return this.cache.getOrLoad(`key:${keyId}`, () => this.directory.findApiKey(keyId));
  }

  target(targetId: string): Promise<ConnectionTarget | null> {
    return this.cache.getOrLoad(`target:${targetId}`, () => this.directory.findTarget(targetId));
  }

  private async refTo(found: Promise<Tenant | null>): Promise<TenantRef | null> {
    const tenant = await found;
    return tenant && { id: tenant.id };
  }

  private async follow(ref: TenantRef | null): Promise<Tenant | null> {
    return ref && this.byId(ref.id);
  }
}
