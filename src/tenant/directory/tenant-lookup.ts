import { Inject, Injectable } from '@nestjs/common';
import { type Prefetched, CACHE, type Cache, type CacheKind, type Loaded } from '../../cache/contract/cache.js';
import type { ApiKeyRecord } from '../../catalog/model/api-key.js';
import { type CatalogChange, type CatalogEvent, CatalogEvents } from '../../catalog/feed/catalog-events.js';
import type { Tenant, TenantRef } from '../../catalog/model/tenant.js';
import { SLUG as SLUG_SHAPE } from '../../catalog/model/slug.js';
import {
  type Reference,
  targetSubject,
  TenantDirectory,
  type LoadedTenant,
  tenantSubject,
} from './tenant-directory.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { API_KEY, DOMAIN, SLUG, TARGET, TENANT } from './cached-kinds.js';

/**
 * Looks up tenants, keys and targets in the catalog, through the cache, and applies the catalog's events
 * to the cache.
 */
@Injectable()
export class TenantLookup {
  constructor(
    @Inject(CACHE) private readonly cache: Cache,
    private readonly directory: TenantDirectory,
    events: CatalogEvents,
  ) {
    events.subscribe('cache', (event) => this.onEvent(event));
  }

  /** The value in memory, without loading: null when it is known not to exist, undefined when it is not cached. */
  peek<T extends object>(kind: CacheKind<T>, key: string): T | null | undefined {
    return this.cache.peek(kind, key);
  }

  byId(id: string): Promise<Tenant | null> {
    return this.cache.getOrLoad(TENANT, id, () => this.loadTenant(id));
  }

  async bySlug(slug: string): Promise<Tenant | null> {
    if (!SLUG_SHAPE.test(slug)) return null; // no tenant's; one that PostgreSQL rejects would fail its batch
    return this.follow(await this.cache.getOrLoad(SLUG, slug, () => fromReference(this.directory.findBySlug(slug))));
  }

  async byDomain(host: string): Promise<Tenant | null> {
    return this.follow(
      await this.cache.getOrLoad(DOMAIN, host, () => fromReference(this.directory.findByDomain(host))),
    );
  }

  apiKey(keyId: string): Promise<ApiKeyRecord | null> {
    return this.cache.getOrLoad(API_KEY, keyId, () => fromReference(this.directory.findApiKey(keyId)));
  }

  target(targetId: string): Promise<ConnectionTarget | null> {
    return this.cache.getOrLoad(TARGET, targetId, () => this.directory.findTarget(targetId));
  }

  private async loadTenant(id: string): Promise<Loaded<Tenant> | null> {
    const loaded = await this.directory.findById(id);
    return loaded && { ...loaded.tenant, prefetched: prefetchedOf(loaded) };
  }

  private async follow(ref: TenantRef | null): Promise<Tenant | null> {
    return ref && this.byId(ref.id);
  }

  private onEvent(event: CatalogEvent): void {
    switch (event.kind) {
      case 'change':
        return this.applyChange(event);
      case 'unknown-change':
        return this.cache.invalidateAll();
      case 'restored':
        return this.cache.feedRestored(event.since);
      case 'lost':
        return this.cache.feedLost();
    }
  }

  private applyChange({ tenantId, version, slugs, keyIds, domains, targetId, targetVersion }: CatalogChange): void {
    if (tenantId !== undefined && version !== undefined) {
      this.cache.observeVersion(tenantSubject(tenantId), version);
      this.cache.forgetAbsence(TENANT, [tenantId]);
    }
    if (targetId !== undefined && targetVersion !== undefined) {
      this.cache.observeVersion(targetSubject(targetId), targetVersion);
      this.cache.forgetAbsence(TARGET, [targetId]);
    }
    this.cache.forgetAbsence(SLUG, slugs);
    this.cache.forgetAbsence(API_KEY, keyIds);
    this.cache.forgetAbsence(DOMAIN, domains);
  }
}

/** A key or a name refers to a tenant, which was read by the same query. */
async function fromReference<T extends object>(query: Promise<Reference<T> | null>): Promise<Loaded<T> | null> {
  const reference = await query;
  if (!reference) return null;
  const { tenant, found } = reference;
  const prefetchedTenant = { kind: TENANT, key: tenant.value.id, read: () => tenant };
  return { ...found, prefetched: [prefetchedTenant, ...prefetchedOf(reference)] };
}

function prefetchedOf({ tenant, target }: LoadedTenant): Prefetched[] {
  const { targetId } = tenant.value;
  return target && targetId !== null ? [{ kind: TARGET, key: targetId, read: target }] : [];
}
