import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityTarget, type FindManyOptions, In } from 'typeorm';
import type { Loaded } from '../../cache/contract/cache.js';
import {
  type ConnectionTarget,
  networkAddressOf,
  type ServerAddress,
} from '../../database/connection/connection-target.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import type { ApiKeyRecord } from '../../catalog/model/api-key.js';
import { BatchedQuery } from './batched-query.js';
import { type CatalogPoint, parsePoint, POINT_SQL } from '../../catalog/feed/catalog-point.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { DEFAULT_SERVER_ADDRESS } from '../../catalog/catalog-target.js';
import { ApiKeyEntity } from '../../catalog/entities/api-key.entity.js';
import {
  ConnectionTargetEntity,
  stampKeyContext,
  targetPasswordContext,
} from '../../catalog/entities/connection-target.entity.js';
import type { ServerEntity } from '../../catalog/entities/server.entity.js';
import { TenantDomainEntity } from '../../catalog/entities/tenant-domain.entity.js';
import { TenantEntity, toTenant } from '../../catalog/entities/tenant.entity.js';
import type { Tenant, TenantRef } from '../../catalog/model/tenant.js';

/** A tenant and its connection target, read by one query. */
export interface LoadedTenant {
  readonly tenant: Loaded<Tenant>;
  /** @throws DecryptionError when the target's password was encrypted with a key that is not in the ring */
  readonly target: (() => Loaded<ConnectionTarget>) | undefined;
}

/** A value that refers to a tenant, such as an API key, together with that tenant. */
export interface Reference<T extends object> extends LoadedTenant {
  readonly found: Loaded<T>;
}

interface TargetRow {
  readonly entity: ConnectionTargetEntity;
  readonly readAt: CatalogPoint | undefined;
}

/** The catalog's clock when the statement began, in ms. */
const CLOCK_MS_SQL = '(extract(epoch FROM statement_timestamp()) * 1000)::float8';

const WITH_TARGET = { target: { server: true } } as const;

/** Reads the catalog, uncached. Each result has the subject whose changes outdate it, and that subject's version. */
@Injectable()
export class TenantDirectory {
  private readonly byId = new BatchedQuery((ids) => this.tenants('id', ids));
  private readonly bySlug = new BatchedQuery((slugs) => this.tenants('slug', slugs));
  private readonly domains = new BatchedQuery((domains) => this.tenantsOfDomains(domains));
  private readonly keys = new BatchedQuery((ids) => this.apiKeys(ids));
  private readonly targets = new BatchedQuery((ids) => this.connectionTargets(ids));

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(DEFAULT_SERVER_ADDRESS) private readonly defaultServer: ServerAddress,
    private readonly keyRing: KeyRing,
  ) {}

  findById(id: string): Promise<LoadedTenant | null> {
    return this.byId.find(id);
  }

  async findBySlug(slug: string): Promise<Reference<TenantRef> | null> {
    const loaded = await this.bySlug.find(slug);
    return loaded && referenceTo(loaded, { id: loaded.tenant.value.id });
  }

  findByDomain(domain: string): Promise<Reference<TenantRef> | null> {
    return this.domains.find(domain);
  }

  findApiKey(id: string): Promise<Reference<ApiKeyRecord> | null> {
    return this.keys.find(id);
  }

  /** @throws DecryptionError when the target's password was encrypted with a key that is not in the ring */
  async findTarget(id: string): Promise<Loaded<ConnectionTarget> | null> {
    const row = await this.targets.find(id);
    return row && this.loadedTarget(row);
  }

  private async tenants(column: 'id' | 'slug', values: string[]): Promise<Map<string, LoadedTenant>> {
    const { rows, readAt } = await this.read(TenantEntity, { where: { [column]: In(values) }, relations: WITH_TARGET });
    return new Map(rows.map((entity) => [entity[column], this.loadedTenant(entity, readAt)]));
  }

  private async tenantsOfDomains(domains: string[]): Promise<Map<string, Reference<TenantRef>>> {
    const { rows, readAt } = await this.read(TenantDomainEntity, {
      where: { domain: In(domains) },
      relations: { tenant: WITH_TARGET },
    });
    return new Map(
      rows.map(({ domain, tenant }) => [domain, referenceTo(this.loadedTenant(tenant, readAt), { id: tenant.id })]),
    );
  }

  private async apiKeys(ids: string[]): Promise<Map<string, Reference<ApiKeyRecord>>> {
    const { rows, readAt, clockMs } = await this.read(ApiKeyEntity, {
      where: { id: In(ids) },
      relations: { tenant: WITH_TARGET },
    });
    const reference = (key: ApiKeyEntity): Reference<ApiKeyRecord> =>
      keyReference(key, this.loadedTenant(key.tenant, readAt), clockMs);
    return new Map(rows.map((key) => [key.id, reference(key)]));
  }

  private async connectionTargets(ids: string[]): Promise<Map<string, TargetRow>> {
    const { rows, readAt } = await this.read(ConnectionTargetEntity, {
      where: { id: In(ids) },
      relations: { server: true },
    });
    return new Map(rows.map((entity) => [entity.id, { entity, readAt }]));
  }

  /**
   * Also returns the point of the catalog's history that the rows are of, and the catalog's clock in ms, which their own
   * statement reads.
   */
  private async read<Entity extends object>(
    type: EntityTarget<Entity>,
    options: FindManyOptions<Entity>,
  ): Promise<{ readonly rows: Entity[]; readonly readAt: CatalogPoint | undefined; readonly clockMs: number }> {
    const { entities, raw } = await this.catalog
      .getRepository(type)
      .createQueryBuilder('found')
      .setFindOptions({ ...options, loadEagerRelations: false })
      .addSelect(POINT_SQL, 'read_at')
      .addSelect(CLOCK_MS_SQL, 'clock_ms')
      .getRawAndEntities<{ read_at: string; clock_ms: number }>();
    return { rows: entities, readAt: raw[0] && parsePoint(raw[0].read_at), clockMs: raw[0]?.clock_ms ?? 0 };
  }

  private loadedTenant(entity: TenantEntity, readAt: CatalogPoint | undefined): LoadedTenant {
    const { target } = entity;
    return {
      tenant: { value: toTenant(entity), subject: tenantSubject(entity.id), version: entity.version, readAt },
      target: target ? () => this.loadedTarget({ entity: target, readAt }) : undefined,
    };
  }

  private loadedTarget({ entity, readAt }: TargetRow): Loaded<ConnectionTarget> {
    const { id, version, kind, database, role, passwordSealed, stampKeySealed, server } = entity;
    const value: ConnectionTarget = {
      id,
      version: String(version),
      shared: kind === 'shared',
      server: this.addressOf(server),
      database,
      role,
      password: this.keyRing.decrypt(passwordSealed, targetPasswordContext(id)),
      ...(stampKeySealed !== null && { stampKey: this.keyRing.decrypt(stampKeySealed, stampKeyContext(id)) }),
    };
    return { value, subject: targetSubject(id), version, readAt };
  }

  private addressOf({ id, host, port, tls, furtherAddresses, replicas }: ServerEntity): ServerAddress {
    if (host === null || port === null) return { ...this.defaultServer, id };
    const network = networkAddressOf({ host, port, tls, furtherAddresses });
    return { ...network, id, ...(replicas.length > 0 && { replicas }) };
  }
}

/** The subject of a tenant's changes. */
export function tenantSubject(id: string): string {
  return `tenant:${id}`;
}

/** The subject of a connection target's changes. */
export function targetSubject(id: string): string {
  return `target:${id}`;
}

/** A key, slug or domain is outdated by changes of its tenant. */
function referenceTo<T extends object>(loaded: LoadedTenant, value: T): Reference<T> {
  const { subject, version, readAt } = loaded.tenant;
  return { ...loaded, found: { value, subject, version, readAt } };
}

/** The catalog's clock decides on the expiry: both times that are compared are its own. */
function keyReference(
  { tenantId, secretHash, expiresAt, revokedAt, impersonatedBy }: ApiKeyEntity,
  loaded: LoadedTenant,
  clockMs: number,
): Reference<ApiKeyRecord> {
  const leftMs = expiresAt === null ? Infinity : expiresAt.getTime() - clockMs;
  const isExpired = leftMs <= 0;
  const record = { tenantId, secretHash, isRevoked: revokedAt !== null, isExpired };
  const reference = referenceTo(loaded, { ...record, ...(impersonatedBy !== null && { impersonatedBy }) });
  if (isExpired || expiresAt === null) return reference;
  return { ...reference, found: { ...reference.found, validForMs: leftMs } };
}
