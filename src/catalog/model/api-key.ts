import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** The parts of a tenant's API key: `tnt_<key id>_<secret>`. */
export interface ApiKeyParts {
  readonly keyId: string;
  readonly secret: string;
}

/** An API key as stored in the catalog. */
export interface ApiKeyRecord {
  readonly tenantId: string;
  readonly secretHash: string;
  readonly isRevoked: boolean;
  /** By the catalog's clock, when it was read. */
  readonly isExpired: boolean;
}

export interface NewApiKey {
  readonly keyId: string;
  /** Shown once; only its hash is stored. */
  readonly token: string;
  /** SHA-256 in hex. The secret has 256 random bits, so a slow hash would protect nothing. */
  readonly secretHash: string;
}

/** 32 bytes in base64url. */
export const SECRET_LENGTH = 43;

const SHAPE = new RegExp(`^tnt_([a-z0-9]{16})_([\\w-]{${SECRET_LENGTH}})$`);

export function newApiKey(): NewApiKey {
  const keyId = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return { keyId, token: `tnt_${keyId}_${secret}`, secretHash: hash('sha256', secret) };
}

/** Returns the parts of a well-formed key, null for any other text. */
export function parseApiKey(token: string): ApiKeyParts | null {
  const match = SHAPE.exec(token);
  return match ? { keyId: match[1] as string, secret: match[2] as string } : null;
}

/** Compares in constant time. Uses `hash`, because `createHash` with its incremental object is twice as expensive. */
export function verifySecret(secret: string, secretHash: string): boolean {
  const expected = Buffer.from(secretHash, 'hex');
  const actual = hash('sha256', secret, 'buffer');
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
