import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { newApiKey, parseApiKey, verifySecret } from '../catalog/api-key.js';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { ApiKeyEntity } from '../catalog/entities/api-key.entity.js';

/** Issues tenants' API keys. Only a hash is stored: the token is known once, to whoever asked for it. */
@Injectable()
export class ApiKeys {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** A new key's token, `tnt_<key id>_<secret>`. */
  async issue(tenantId: string, name: string | null = null): Promise<string> {
    const { keyId, token, secretHash } = newApiKey();
    await this.catalog.getRepository(ApiKeyEntity).insert({ id: keyId, tenantId, secretHash, name });
    return token;
  }

  /** Whether the token would let its holder in as the tenant. */
  async opens(token: string, tenantId: string): Promise<boolean> {
    const parts = parseApiKey(token);
    const key = parts && (await this.catalog.getRepository(ApiKeyEntity).findOneBy({ id: parts.keyId, tenantId }));
    return key !== null && key.revokedAt === null && verifySecret(parts?.secret ?? '', key.secretHash);
  }
}
