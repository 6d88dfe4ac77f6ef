import { Inject, Injectable } from '@nestjs/common';
import { type ArchiveIdentity, identityOf } from '../../database/archives/format/locks.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';

const PURPOSE = 'tenantry archives';
const SALT = new Uint8Array();
const KEY_BYTES = 32;

/**
 * This installation's identities for archives: made of ENCRYPTION_KEYS, so that they are kept nowhere else, and every
 * instance has them. An archive that is written for its recipient is opened here without a passphrase.
 */
@Injectable()
export class InstallationKeys {
  constructor(
    private readonly keyRing: KeyRing,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** That of the first key comes first: archives are written for it. */
  async identities(): Promise<readonly ArchiveIdentity[]> {
    return Promise.all(this.config.security.encryptionKeys.map(({ id }) => this.identity(id)));
  }

  /** The public part: `age1…`. */
  async recipient(): Promise<string> {
    const [first] = await this.identities();
    if (!first) throw new Error('there is no encryption key');
    return first.recipient;
  }

  private async identity(keyId: string): Promise<ArchiveIdentity> {
    const derived = this.keyRing.deriveKey(PURPOSE, SALT, KEY_BYTES, keyId);
    if (!derived) throw new Error('the key ring lacks a configured key');
    return identityOf(derived.key);
  }
}
