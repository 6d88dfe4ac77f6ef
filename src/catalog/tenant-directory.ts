import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { ConnectionTarget, ServerAddress } from '../database/pool/connection-target.js';
import { KeyRing } from '../sealing/key-ring.js';
import { CATALOG } from './catalog-data-source.js';
import { DEFAULT_SERVER_ADDRESS } from './catalog-target.js';
import { ApiKeyEntity } from './entities/api-key.entity.js';
import { ConnectionTargetEntity, targetPasswordPlace } from './entities/connection-target.entity.js';
import type { ServerEntity } from './entities/server.entity.js';
import { TenantDomainEntity } from './entities/tenant-domain.entity.js';
import { TenantEntity, toTenant } from './entities/tenant.entity.js';
import type { Tenant } from './tenant.js';

/** An API key as the catalog knows it. Frozen. */
export interface ApiKeyRecord {
  readonly tenantId: string;
  readonly secretHash: string;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Reads the catalog, uncached. */
@Injectable()
export class TenantDirectory {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(DEFAULT_SERVER_ADDRESS) private readonly defaultServer: ServerAddress,
    private readonly keyRing: KeyRing,
  ) {}

  async findById(id: string): Promise<Tenant | null> {
    const found = await this.catalog.getRepository(TenantEntity).findOneBy({ id });
    return found && toTenant(found);
  }

  async findBySlug(slug: string): Promise<Tenant | null> {
    const found = await this.catalog.getRepository(TenantEntity).findOneBy({ slug });
    return found && toTenant(found);
  }

  async findByDomain(domain: string): Promise<Tenant | null> {
    const found = await this.catalog.getRepository(TenantDomainEntity).findOneBy({ domain });
    return found && this.findById(found.tenantId);
  }

  async findApiKey(id: string): Promise<ApiKeyRecord | null> {
    const found = await this.catalog.getRepository(ApiKeyEntity).findOneBy({ id });
    if (!found) return null;
    const { tenantId, secretHash, expiresAt, revokedAt } = found;
    return Object.freeze({ tenantId, secretHash, expiresAt, revokedAt });
  }

  /** @throws SealBrokenError when the target's password was sealed with a key that is not in the ring */
  async findTarget(id: string): Promise<ConnectionTarget | null> {
    const found = await this.catalog
      .getRepository(ConnectionTargetEntity)
      .findOne({ where: { id }, relations: { server: true } });
    return found && this.toTarget(found);
  }

  private toTarget(entity: ConnectionTargetEntity): ConnectionTarget {
    const { id, version, kind, database, role, passwordSealed, server } = entity;
    return Object.freeze({
      id,
      version: String(version),
      shared: kind === 'shared',
      server: this.addressOf(server),
      database,
      role,
      password: this.keyRing.open(passwordSealed, targetPasswordPlace(id)),
    });
  }

  private addressOf({ id, host, port, tls, maxConnections }: ServerEntity): ServerAddress {
    const address = host === null || port === null ? this.defaultServer : { host, port, tls };
    return Object.freeze({ ...address, id, maxConnections: maxConnections ?? undefined });
  }
}
