import { timingSafeEqual } from 'node:crypto';
import { SECRET_LENGTH, verifySecret } from '../../catalog/model/bearer-key.js';

// Reused, so that a comparison allocates nothing.
const presented = Buffer.alloc(SECRET_LENGTH);
const known = Buffer.alloc(SECRET_LENGTH);

/** A key as stored in the catalog. */
export interface HashedSecret {
  readonly secretHash: string;
}

/**
 * Remembers verified secrets, so that a secret is hashed on its first request only. A secret is kept only as long as
 * the record object that it was verified against: it is forgotten when the cache loads a new record, because the key
 * has changed or the entry has expired.
 */
export class VerifiedSecrets {
  private readonly secrets = new WeakMap<HashedSecret, string>();

  /** Whether the secret of a well-formed key is the record's. Compares in constant time. */
  verify(secret: string, record: HashedSecret): boolean {
    const verified = this.secrets.get(record);
    if (secret.length === SECRET_LENGTH && verified !== undefined && isSame(secret, verified)) return true;
    if (!verifySecret(secret, record.secretHash)) return false;
    this.secrets.set(record, copyOf(secret));
    return true;
  }
}

/** A substring would keep the whole string in memory: here, the request's header. */
function copyOf(secret: string): string {
  return Buffer.from(secret, 'latin1').toString('latin1');
}

function isSame(secret: string, verified: string): boolean {
  presented.write(secret, 'latin1');
  known.write(verified, 'latin1');
  return timingSafeEqual(presented, known);
}
