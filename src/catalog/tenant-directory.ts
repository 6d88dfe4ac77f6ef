import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, In } from 'typeorm';
import type { Loaded } from '../cache/cache.js';
import type { ConnectionTarget, ServerAddress } from '../database/pool/connection-target.js';
import { KeyRing } from '../sealing/key-ring.js';
import type { ApiKeyRecord } from './api-key.js';
import { BatchedQuery } from './batched-query.js';
import { CATALOG } from './catalog-data-source.js';
import { DEFAULT_SERVER_ADDRESS } from './catalog-target.js';
import { ApiKeyEntity } from './entities/api-key.entity.js';
import { ConnectionTargetEntity, targetPasswordPlace } from './entities/connection-target.entity.js';
import type { ServerEntity } from './entities/server.entity.js';
import { TenantDomainEntity } from './entities/tenant-domain.entity.js';
import { TenantEntity, toTenant } from './entities/tenant.entity.js';
import type { Tenant, TenantRef } from './tenant.js';

/** A key or a domain, with the version of its tenant that it was read at. */
type WithTenantVersion<Row> = Row & { readonly tenant_version: number };

/** Reads the catalog, uncached: each answer with the subject whose changes outdate it, and that subject's version. */
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

  async findById(id: string): Promise<Loaded<Tenant> | null> {
    const tenant = await this.byId.find(id);
    return tenant && { value: tenant, subject: tenantSubject(tenant.id), version: tenant.version };
  }

  async findBySlug(slug: string): Promise<Loaded<TenantRef> | null> {
    const tenant = await this.bySlug.find(slug);
    return tenant && { value: { id: tenant.id }, subject: tenantSubject(tenant.id), version: tenant.version };
  }

  findByDomain(domain: string): Promise<Loaded<TenantRef> | null> {
    return this.domains.find(domain);
  }

  findApiKey(id: string): Promise<Loaded<ApiKeyRecord> | null> {
    return this.keys.find(id);
  }

  /** @throws SealBrokenError when the target's password was sealed with a key that is not in the ring */
  async findTarget(id: string): Promise<Loaded<ConnectionTarget> | null> {
    const found = await this.targets.find(id);
    return found && { value: this.toTarget(found), subject: targetSubject(id), version: found.version };
  }

  private async tenants(column: 'id' | 'slug', values: string[]): Promise<Map<string, Tenant>> {
    const found = await this.catalog.getRepository(TenantEntity).findBy({ [column]: In(values) });
    return new Map(found.map((entity) => [entity[column], toTenant(entity)]));
  }

  private async tenantsOfDomains(domains: string[]): Promise<Map<string, Loaded<TenantRef>>> {
    const found = await this.catalog
      .getRepository(TenantDomainEntity)
      .createQueryBuilder('part')
      .innerJoin(TenantEntity, 'tenant', 'tenant.id = part.tenant_id')
      .select(['part.domain AS domain', 'part.tenant_id AS tenant_id', 'tenant.version AS tenant_version'])
      .where('part.domain IN (:...domains)', { domains })
      .getRawMany<WithTenantVersion<{ domain: string; tenant_id: string }>>();
    return new Map(
      found.map(({ domain, tenant_id: id, tenant_version: version }) => [
        domain,
        { value: { id }, subject: tenantSubject(id), version },
      ]),
    );
  }

  private async apiKeys(ids: string[]): Promise<Map<string, Loaded<ApiKeyRecord>>> {
    const found = await this.catalog
      .getRepository(ApiKeyEntity)
      .createQueryBuilder('part')
      .innerJoin(TenantEntity, 'tenant', 'tenant.id = part.tenant_id')
      .select(['part.id AS id', 'part.tenant_id AS tenant_id', 'part.secret_hash AS secret_hash'])
      .addSelect(['part.expires_at AS expires_at', 'part.revoked_at AS revoked_at', 'tenant.version AS tenant_version'])
      .where('part.id IN (:...ids)', { ids })
      .getRawMany<WithTenantVersion<ApiKeyRow>>();
    return new Map(
      found.map((row) => [
        row.id,
        { value: toRecord(row), subject: tenantSubject(row.tenant_id), version: row.tenant_version },
      ]),
    );
  }

  private async connectionTargets(ids: string[]): Promise<Map<string, ConnectionTargetEntity>> {
    const found = await this.catalog
      .getRepository(ConnectionTargetEntity)
      .find({ where: { id: In(ids) }, relations: { server: true } });
    return new Map(found.map((entity) => [entity.id, entity]));
  }

  private toTarget(entity: ConnectionTargetEntity): ConnectionTarget {
    const { id, version, kind, database, role, passwordSealed, server } = entity;
    return {
      id,
      version: String(version),
      shared: kind === 'shared',
      server: this.addressOf(server),
      database,
      role,
      password: this.keyRing.open(passwordSealed, targetPasswordPlace(id)),
    };
  }

  private addressOf({ id, host, port, tls, maxConnections }: ServerEntity): ServerAddress {
    const address = host === null || port === null ? this.defaultServer : { host, port, tls };
    return { ...address, id, ...(maxConnections !== null && { maxConnections }) };
  }
}

/** The names that changes are announced under. */
export function tenantSubject(id: string): string {
  return `tenant:${id}`;
}

export function targetSubject(id: string): string {
  return `target:${id}`;
}

interface ApiKeyRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly secret_hash: string;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

function toRecord(row: ApiKeyRow): ApiKeyRecord {
  return {
    tenantId: row.tenant_id,
    secretHash: row.secret_hash,
    expiresAt: row.expires_at && row.expires_at.getTime(),
    isRevoked: row.revoked_at !== null,
  };
}
