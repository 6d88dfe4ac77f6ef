import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A tenant's API key as its holder has it: `tnt_<key id>_<secret>`. */
export interface ApiKeyParts {
  readonly keyId: string;
  readonly secret: string;
}

/** An API key as the catalog knows it. */
export interface ApiKeyRecord {
  readonly tenantId: string;
  readonly secretHash: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | null;
  readonly isRevoked: boolean;
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

/** The parts of a well-formed key; null for anything else. */
export function parseApiKey(token: string): ApiKeyParts | null {
  const match = SHAPE.exec(token);
  return match ? { keyId: match[1] as string, secret: match[2] as string } : null;
}

/** Compares in constant time. `hash` and not `createHash`: an object to feed in pieces costs twice as much. */
export function verifySecret(secret: string, secretHash: string): boolean {
  const expected = Buffer.from(secretHash, 'hex');
  const given = hash('sha256', secret, 'buffer');
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** Whether the key was neither revoked nor has expired. */
export function isUsable({ isRevoked, expiresAt }: ApiKeyRecord): boolean {
  return !isRevoked && (expiresAt === null || expiresAt > Date.now());
}
