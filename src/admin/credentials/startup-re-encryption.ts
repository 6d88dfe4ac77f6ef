import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { countOutdated } from '../../catalog/encrypted-columns.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { ReEncryptRequest } from './re-encrypt.kind.js';

/** Starts re-encryption after a key rotation: an operator only has to put a new key first in `ENCRYPTION_KEYS`. */
@Injectable()
export class StartupReEncryption {
  private readonly logger = new Logger('Encryption');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly keyRing: KeyRing,
    private readonly request: ReEncryptRequest,
  ) {}

  /** Creates a re-encryption operation if any value is not encrypted with the first key. */
  async requestIfNeeded(): Promise<void> {
    const outdated = await countOutdated(this.catalog, this.keyRing);
    if (outdated === 0) return;
    this.logger.log(`Re-encrypting ${outdated} values in the background: they were encrypted with an older key`);
    try {
      await this.catalog.transaction((catalog) => this.request.create(catalog, { kind: 'reseal' }, TENANTRY_ACTOR));
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error; // another instance has created the operation
    }
  }
}
