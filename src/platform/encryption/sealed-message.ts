import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DecryptionError, type KeyRing } from './key-ring.js';

const ALGORITHM = 'aes-256-gcm';
const SALT_BYTES = 24;
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts a text that leaves the installation's own stores, with a key that is derived for it alone. Random nonces under one
 * key are safe for 2^32 messages only (NIST SP 800-38D, §8.3), which a busy queue reaches within weeks; and values of the
 * catalog, which the ring's keys encrypt themselves, cannot be confused with messages.
 *
 * @param purpose what the message is for; one sealed for another purpose does not open
 * @returns `<key id>.<base64url of salt, tag, ciphertext>`
 */
export function sealMessage(ring: KeyRing, plaintext: string, purpose: string): string {
  const salt = randomBytes(SALT_BYTES);
  const { id, key, iv } = secretsOf(ring, purpose, salt)!; // the first key is always there
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return `${id}.${Buffer.concat([salt, cipher.getAuthTag(), ciphertext]).toString('base64url')}`;
}

/** @throws DecryptionError */
export function openMessage(ring: KeyRing, message: string, purpose: string): string {
  const dot = message.indexOf('.');
  const payload = message.slice(dot + 1);
  const bytes = Buffer.from(payload, 'base64url');
  // Node's decoder ignores what is not base64url: one message would have many spellings.
  if (dot < 1 || bytes.length < SALT_BYTES + TAG_BYTES || bytes.toString('base64url') !== payload)
    throw new DecryptionError(purpose, 'it is not a sealed message');
  const salt = bytes.subarray(0, SALT_BYTES);
  const secrets = secretsOf(ring, purpose, salt, message.slice(0, dot));
  if (!secrets) throw new DecryptionError(purpose, 'its key is not in ENCRYPTION_KEYS');
  const decipher = createDecipheriv(ALGORITHM, secrets.key, secrets.iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(SALT_BYTES, SALT_BYTES + TAG_BYTES));
  try {
    return decipher.update(bytes.subarray(SALT_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    throw new DecryptionError(purpose, 'it was modified, or sealed with another key of the same id');
  }
}

function secretsOf(
  ring: KeyRing,
  purpose: string,
  salt: Uint8Array,
  keyId?: string,
): { readonly id: string; readonly key: Buffer; readonly iv: Buffer } | undefined {
  const derived = ring.deriveKey(purpose, salt, KEY_BYTES + IV_BYTES, keyId);
  if (!derived) return undefined;
  const { id, key } = derived;
  return { id, key: key.subarray(0, KEY_BYTES), iv: key.subarray(KEY_BYTES) };
}
