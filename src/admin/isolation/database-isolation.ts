import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import { type DataSource, IsNull } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity, stampKeyContext } from '../../catalog/entities/connection-target.entity.js';
import { ensureIsolationFunctions } from '../../database/isolation/isolation-functions.js';
import { ensureKey, installedKeys, installKey } from '../../database/isolation/installed-keys.js';
import { copyKeysToWorkers } from '../../database/isolation/worker-keys.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';

/** Prepares databases for signed stamps. */
@Injectable()
export class DatabaseIsolation {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly keyRing: KeyRing,
  ) {}

  /**
   * Gives a target's database its functions and its key. The catalog gets the key last: from then on every instance
   * signs with it, so the database must accept it already. Running it again changes nothing.
   *
   * @param client connected to the target's database as the owner, not in a transaction
   * @throws CitusWorkerError, DecryptionError when the catalog's key was encrypted with a key that is not in the ring
   */
  async prepare(client: pg.ClientBase, { id }: Pick<ConnectionTargetEntity, 'id'>): Promise<void> {
    const targets = this.catalog.getRepository(ConnectionTargetEntity);
    // Read again: a key that was rotated out meanwhile must not become valid once more.
    const { stampKeySealed, stampsEnforced } = await targets.findOneByOrFail({ id });
    await ensureIsolationFunctions(client, stampsEnforced ? 'refused' : 'accepted');
    if (stampKeySealed === null) {
      const sealed = this.keyRing.encrypt(await ensureKey(client), stampKeyContext(id));
      await copyKeysToWorkers(client);
      await targets.update({ id, stampKeySealed: IsNull() }, { stampKeySealed: sealed });
      return;
    }
    const key = this.keyRing.decrypt(stampKeySealed, stampKeyContext(id));
    if (!(await installedKeys(client)).includes(key))
      await installKey(client, key); // a database restored from elsewhere
    else await copyKeysToWorkers(client); // to those that were added meanwhile
  }
}
