import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CACHE, type Cache, type CacheKind, type Loaded, type Loader } from '../cache/cache.js';
import type { ApiKeyRecord } from '../catalog/api-key.js';
import { CatalogChangeFeed, type CatalogListener } from '../catalog/catalog-change-feed.js';
import type { CatalogChange, CatalogEvent } from '../catalog/catalog-event.js';
import type { Tenant, TenantRef } from '../catalog/tenant.js';
import { SLUG as SLUG_SHAPE } from '../catalog/slug.js';
import {
  type Lead,
  targetSubject,
  TenantDirectory,
  type TenantReading,
  tenantSubject,
} from '../catalog/tenant-directory.js';
import type { ConnectionTarget } from '../database/pool/connection-target.js';
import { API_KEY, DOMAIN, SLUG, TARGET, TENANT } from './cached-kinds.js';

/** What the catalog says, through the cache, which hears every change of it. */
@Injectable()
export class TenantLookup implements OnModuleInit {
  private readonly listeners = new Set<CatalogListener>();

  constructor(
    @Inject(CACHE) private readonly cache: Cache,
    private readonly directory: TenantDirectory,
    private readonly changes: CatalogChangeFeed,
  ) {}

  onModuleInit(): void {
    this.changes.subscribe((event) => {
      this.hear(event);
      for (const listener of this.listeners) listener(event);
    });
  }

  /** The listener is told when what is looked up from then on is no older than the event. */
  subscribe(listener: CatalogListener): () => void {
    this.listeners.add(listener);
    listener({ kind: this.changes.connected ? 'listening' : 'lost' });
    return () => void this.listeners.delete(listener);
  }

  /** What is in memory now, and nobody is asked: null when it is known not to exist, undefined when it is not there. */
  held<T extends object>(kind: CacheKind<T>, key: string): T | null | undefined {
    return this.cache.peek(kind, key);
  }

  byId(id: string): Promise<Tenant | null> {
    return this.cache.getOrLoad(TENANT, id, () => this.loadTenant(id));
  }

  async bySlug(slug: string): Promise<Tenant | null> {
    if (!SLUG_SHAPE.test(slug)) return null; // the catalog need not be asked, and what it refuses spoils a whole batch
    return this.follow(await this.cache.getOrLoad(SLUG, slug, () => this.walk(this.directory.findBySlug(slug))));
  }

  async byDomain(host: string): Promise<Tenant | null> {
    return this.follow(await this.cache.getOrLoad(DOMAIN, host, () => this.walk(this.directory.findByDomain(host))));
  }

  apiKey(keyId: string): Promise<ApiKeyRecord | null> {
    return this.cache.getOrLoad(API_KEY, keyId, () => this.walk(this.directory.findApiKey(keyId)));
  }

  target(targetId: string): Promise<ConnectionTarget | null> {
    return this.cache.getOrLoad(TARGET, targetId, () => this.loadTarget(targetId));
  }

  private async loadTenant(id: string): Promise<Loaded<Tenant> | null> {
    const reading = await this.directory.findById(id);
    if (reading) this.offerTarget(reading);
    return reading && reading.tenant;
  }

  private loadTarget(id: string): Promise<Loaded<ConnectionTarget> | null> {
    return this.directory.findTarget(id);
  }

  /** What a key or a name leads to will be asked for next, and has been read with it. */
  private async walk<T extends object>(finding: Promise<Lead<T> | null>): Promise<Loaded<T> | null> {
    const lead = await finding;
    if (!lead) return null;
    const { id } = lead.tenant.value;
    this.offer(
      TENANT,
      id,
      () => lead.tenant,
      () => this.loadTenant(id),
    );
    this.offerTarget(lead);
    return lead.found;
  }

  private offerTarget({ tenant, target }: TenantReading): void {
    const { targetId } = tenant.value;
    if (target && targetId !== null) this.offer(TARGET, targetId, target, () => this.loadTarget(targetId));
  }

  /** Puts into the cache what has been read, unless it is there; when a change was heard since, it is read again. */
  private offer<T extends object>(kind: CacheKind<T>, key: string, read: () => Loaded<T>, readAgain: Loader<T>): void {
    let isOffered = false;
    const load = async (): Promise<Loaded<T> | null> => {
      if (isOffered) return readAgain();
      isOffered = true;
      return read();
    };
    this.cache.getOrLoad(kind, key, load).catch(() => undefined); // whoever asks for it is told
  }

  private async follow(ref: TenantRef | null): Promise<Tenant | null> {
    return ref && this.byId(ref.id);
  }

  private hear(event: CatalogEvent): void {
    switch (event.kind) {
      case 'change':
        return this.hearChange(event);
      case 'listening':
        return this.cache.listening();
      case 'lost':
        return this.cache.deaf();
    }
  }

  private hearChange({ tenantId, version, slugs, keyIds, domains, targetId, targetVersion }: CatalogChange): void {
    if (tenantId !== undefined && version !== undefined) {
      this.cache.heard(tenantSubject(tenantId), version);
      this.cache.appeared(TENANT, [tenantId]);
    }
    if (targetId !== undefined && targetVersion !== undefined) {
      this.cache.heard(targetSubject(targetId), targetVersion);
      this.cache.appeared(TARGET, [targetId]);
    }
    this.cache.appeared(SLUG, slugs);
    this.cache.appeared(API_KEY, keyIds);
    this.cache.appeared(DOMAIN, domains);
  }
}
