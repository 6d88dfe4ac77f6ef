import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { countOutdated } from '../../catalog/encrypted-columns.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { ReEncryptRequest } from './re-encrypt.kind.js';

/** A new first key in `ENCRYPTION_KEYS` is all that an operator has to do: the rest is asked for here. */
@Injectable()
export class StartupReEncryption {
  private readonly logger = new Logger('Sealing');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly keyRing: KeyRing,
    private readonly request: ReEncryptRequest,
  ) {}

  /** Asks for a resealing when values are sealed with another key than the first. */
  async requestIfNeeded(): Promise<void> {
    const outdated = await countOutdated(this.catalog, this.keyRing);
    if (outdated === 0) return;
    this.logger.log(`${outdated} values are sealed with a former key: sealing them anew in the background`);
    try {
      await this.catalog.transaction((catalog) => this.request.create(catalog, { kind: 'reseal' }, TENANTRY_ACTOR));
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error; // another instance has asked for it
    }
  }
}
