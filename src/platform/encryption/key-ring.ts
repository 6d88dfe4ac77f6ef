import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig, type EncryptionKey } from '../config/app-config.js';
import { CodedError } from '../errors/coded-error.js';

/** Raised when a sealed value does not open: unknown key, changed bytes, or a value moved from where it was sealed. */
export class DecryptionError extends CodedError {
  readonly code = 'SEAL_BROKEN';

  constructor(
    readonly context: string,
    reason: string,
  ) {
    super(`the sealed value at ${context} does not open: ${reason}`);
  }
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals secrets with AES-256-GCM. The place a value is kept at is its associated data, so that a value copied to
 * another row, column or cache key does not open there.
 */
@Injectable()
export class KeyRing {
  private readonly byId: ReadonlyMap<string, EncryptionKey>;
  private readonly current: EncryptionKey;

  constructor(@Inject(APP_CONFIG) config: AppConfig) {
    const [first] = config.security.encryptionKeys;
    if (!first) throw new Error('the key ring is empty');
    this.current = first;
    this.byId = new Map(config.security.encryptionKeys.map((key) => [key.id, key]));
  }

  /** `<key id>.<base64url of iv, tag, ciphertext>`, sealed with the first key of the ring. */
  encrypt(plaintext: string, place: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.current.key, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return `${this.mark}${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')}`;
  }

  /** What a value begins with that was sealed with the key that seals now. */
  get mark(): string {
    return `${this.current.id}.`;
  }

  /** Whether a value was sealed with the key that seals now; whoever has an older one can seal it anew. */
  isCurrent(sealed: string): boolean {
    return sealed.startsWith(this.mark);
  }

  /**
   * The same secret, sealed with the first key of the ring; the same text when it is already.
   *
   * @throws SealBrokenError
   */
  reEncrypt(sealed: string, place: string): string {
    return this.isCurrent(sealed) ? sealed : this.encrypt(this.decrypt(sealed, place), place);
  }

  /** @throws SealBrokenError */
  decrypt(sealed: string, place: string): string {
    const [keyId = '', payload = ''] = sealed.split('.');
    const key = this.byId.get(keyId);
    if (!key) throw new DecryptionError(place, 'its key is not in ENCRYPTION_KEYS');
    const bytes = Buffer.from(payload, 'base64url');
    try {
      const decipher = createDecipheriv(ALGORITHM, key.key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw new DecryptionError(place, 'it was changed, moved, or sealed with another key of the same name');
    }
  }
}
