import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig, type EncryptionKey } from '../config/app-config.js';
import { CodedError } from '../errors/coded-error.js';

/** Raised when a value cannot be decrypted: unknown key, modified bytes, or a value copied to another location. */
export class DecryptionError extends CodedError {
  readonly code = 'SEAL_BROKEN';

  constructor(
    readonly context: string,
    reason: string,
  ) {
    super(`cannot decrypt the value at ${context}: ${reason}`);
  }
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts secrets with AES-256-GCM. The `context`, which names where a value is stored, is its associated data, so
 * that a value copied to another row, column or cache key cannot be decrypted there.
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

  /** Encrypts with the first key of the ring. @returns `<key id>.<base64url of iv, tag, ciphertext>` */
  encrypt(plaintext: string, context: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.current.key, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(context));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return `${this.currentPrefix}${Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64url')}`;
  }

  /**
   * A key derived from one of the ring's, the first unless given: for one purpose and one salt. Source: RFC 5869 (HKDF).
   *
   * @returns undefined when the ring has no such key
   */
  deriveKey(
    purpose: string,
    salt: Uint8Array,
    bytes: number,
    id = this.current.id,
  ): { readonly id: string; readonly key: Buffer } | undefined {
    const source = this.byId.get(id);
    return source && { id, key: Buffer.from(hkdfSync('sha256', source.key, salt, purpose, bytes)) };
  }

  /** Prefix of every value encrypted with the current key. */
  get currentPrefix(): string {
    return `${this.current.id}.`;
  }

  /** Whether a value was encrypted with the current key; otherwise it should be re-encrypted. */
  isCurrent(encrypted: string): boolean {
    return encrypted.startsWith(this.currentPrefix);
  }

  /**
   * Re-encrypts a value with the first key of the ring; returns it unchanged when it is current.
   *
   * @throws DecryptionError
   */
  reEncrypt(encrypted: string, context: string): string {
    return this.isCurrent(encrypted) ? encrypted : this.encrypt(this.decrypt(encrypted, context), context);
  }

  /** @throws DecryptionError */
  decrypt(encrypted: string, context: string): string {
    const [keyId = '', payload = ''] = encrypted.split('.');
    const key = this.byId.get(keyId);
    if (!key) throw new DecryptionError(context, 'its key is not in ENCRYPTION_KEYS');
    const bytes = Buffer.from(payload, 'base64url');
    try {
      const decipher = createDecipheriv(ALGORITHM, key.key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw new DecryptionError(context, 'it was modified, moved, or encrypted with another key of the same id');
    }
  }
}
