import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, IsNull, Raw } from 'typeorm';
import { newApiKey, parseApiKey } from '../../catalog/model/api-key.js';
import { verifySecret } from '../../catalog/model/bearer-key.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ApiKeyEntity } from '../../catalog/entities/api-key.entity.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import type { ApiKeyView, IssuedApiKey, NewApiKeyRequest } from './api-key.schemas.js';

const DAY_SECONDS = 86_400;

const LISTED = [{ impersonatedBy: IsNull() }, { expiresAt: Raw((expiresAt) => `${expiresAt} > now()`) }];

/** Tenants' API keys. Only a hash is stored: the token is returned once, when the key is issued. */
@Injectable()
export class ApiKeys {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly tenants: TenantRecords,
    private readonly audit: AuditLog,
  ) {}

  /** @throws NotFoundError (tenant) */
  async issue(
    catalog: EntityManager,
    slugOrId: string,
    { name, expiresInDays }: NewApiKeyRequest,
    actor: Actor,
  ): Promise<IssuedApiKey> {
    const tenant = await this.tenants.lock(catalog, slugOrId);
    const { keyId, token, secretHash } = newApiKey();
    const expiresAt = expiresInDays === undefined ? null : inDays(expiresInDays);
    await catalog.insert(ApiKeyEntity, { id: keyId, tenantId: tenant.id, secretHash, name: name ?? null, expiresAt });
    const key = toView(await catalog.findOneByOrFail(ApiKeyEntity, { id: keyId }));
    await this.audit.record(catalog, {
      actor,
      action: 'api-key.issue',
      subjectKind: 'api-key',
      subjectId: keyId,
      subject: tenant.slug,
      after: key,
    });
    return { ...key, token };
  }

  /** Newest first, without the impersonations that have ended: the audit log has them. @throws NotFoundError (tenant) */
  async list(slugOrId: string): Promise<readonly ApiKeyView[]> {
    const { id: tenantId } = await this.tenants.read(slugOrId);
    const keys = await this.catalog
      .getRepository(ApiKeyEntity)
      .find({ where: LISTED.map((where) => ({ tenantId, ...where })), order: { createdAt: 'DESC', id: 'ASC' } });
    return keys.map(toView);
  }

  /** Within a second every instance rejects the key. Does nothing if it is already revoked. @throws NotFoundError */
  revoke(slugOrId: string, keyId: string, actor: Actor): Promise<ApiKeyView> {
    return this.catalog.transaction(async (catalog) => {
      const tenant = await this.tenants.lock(catalog, slugOrId);
      const key = await catalog.findOneBy(ApiKeyEntity, { id: keyId, tenantId: tenant.id });
      if (!key) throw new NotFoundError('API key');
      const before = toView(key);
      if (before.revokedAt !== null) return before;
      await catalog.update(ApiKeyEntity, keyId, { revokedAt: () => 'now()' });
      const after = toView(await catalog.findOneByOrFail(ApiKeyEntity, { id: keyId }));
      await this.audit.record(catalog, {
        actor,
        action: 'api-key.revoke',
        subjectKind: 'api-key',
        subjectId: keyId,
        subject: tenant.slug,
        before,
        after,
      });
      return after;
    });
  }

  /** Whether the token currently authenticates the tenant. */
  async isValid(token: string, tenantId: string): Promise<boolean> {
    const parts = parseApiKey(token);
    const key = parts && (await this.catalog.getRepository(ApiKeyEntity).findOneBy({ id: parts.keyId, tenantId }));
    return key !== null && key.revokedAt === null && verifySecret(parts?.secret ?? '', key.secretHash);
  }
}

/** SQL, because the catalog's clock decides about the expiry. */
function inDays(days: number): () => string {
  return () => `now() + make_interval(secs => ${days * DAY_SECONDS})`;
}

function toView({ id, name, impersonatedBy, createdAt, expiresAt, revokedAt }: ApiKeyEntity): ApiKeyView {
  return {
    id,
    name,
    impersonatedBy,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}
