import { timingSafeEqual } from 'node:crypto';
import { type ApiKeyRecord, SECRET_LENGTH, verifySecret } from '../../catalog/model/api-key.js';

// Nothing is allocated for a comparison.
const given = Buffer.alloc(SECRET_LENGTH);
const known = Buffer.alloc(SECRET_LENGTH);

/**
 * Secrets that were found right, so that one is hashed at the first request and not at each. A secret is held only as long
 * as the very record that it was held against: when the cache takes in a new one, because the key was changed or its time
 * is over, the secret is forgotten.
 */
export class VerifiedSecrets {
  private readonly secrets = new WeakMap<ApiKeyRecord, string>();

  /** Whether the secret, of the form that `parseApiKey` gives, is the record's. Compares in constant time. */
  verify(secret: string, record: ApiKeyRecord): boolean {
    const verified = this.secrets.get(record);
    if (secret.length === SECRET_LENGTH && verified !== undefined && isSame(secret, verified)) return true;
    if (!verifySecret(secret, record.secretHash)) return false;
    this.secrets.set(record, copyOf(secret));
    return true;
  }
}

/** A part of a string keeps the whole of it in memory: here, the request's header. */
function copyOf(secret: string): string {
  return Buffer.from(secret, 'latin1').toString('latin1');
}

function isSame(secret: string, verified: string): boolean {
  given.write(secret, 'latin1');
  known.write(verified, 'latin1');
  return timingSafeEqual(given, known);
}
