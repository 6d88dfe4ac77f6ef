import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ArchiveKeyEntity, identityContext } from '../../catalog/entities/archive-key.entity.js';
import { newIdentity } from '../../database/archives/format/locks.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';

/** A key per tenant: with one for all, deleting a tenant could not make its backups unreadable. */
@Injectable()
export class BackupKeys {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly keyRing: KeyRing,
  ) {}

  /** With which the tenant's backups are encrypted; made at the first one. */
  async recipientOf(tenantId: string): Promise<string> {
    const keys = this.catalog.getRepository(ArchiveKeyEntity);
    if (!(await keys.existsBy({ tenantId }))) {
      const { recipient, identity } = await newIdentity();
      const identitySealed = this.keyRing.encrypt(identity, identityContext(tenantId));
      // Another operation may have made one meanwhile: that one counts.
      await keys.createQueryBuilder().insert().values({ tenantId, recipient, identitySealed }).orIgnore().execute();
    }
    return (await keys.findOneByOrFail({ tenantId })).recipient;
  }

  /** What opens the tenant's backups. @throws EntityNotFoundError when the tenant has none, or is deleted; DecryptionError */
  async identityOf(tenantId: string): Promise<string> {
    const { identitySealed } = await this.catalog.getRepository(ArchiveKeyEntity).findOneByOrFail({ tenantId });
    return this.keyRing.decrypt(identitySealed, identityContext(tenantId));
  }
}
