import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** The parts of a key: `<prefix>_<key id>_<secret>`. */
export interface BearerKeyParts {
  readonly keyId: string;
  readonly secret: string;
}

export interface NewBearerKey {
  readonly keyId: string;
  /** Shown once; only its hash is stored. */
  readonly token: string;
  /** SHA-256 in hex. The secret has 256 random bits, so a slow hash would protect nothing. */
  readonly secretHash: string;
}

/** `tnt`: a tenant's API key; `adm`: an operator's key; `ses`: an operator's session, which a cookie carries. */
export type BearerKeyPrefix = 'tnt' | 'adm' | 'ses';

/** 32 bytes in base64url. */
export const SECRET_LENGTH = 43;

const SHAPES = { tnt: shapeOf('tnt'), adm: shapeOf('adm'), ses: shapeOf('ses') };

export function newBearerKey(prefix: BearerKeyPrefix): NewBearerKey {
  const keyId = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return { keyId, token: `${prefix}_${keyId}_${secret}`, secretHash: hash('sha256', secret) };
}

/** Returns the parts of a well-formed key, null for any other text. */
export function parseBearerKey(prefix: BearerKeyPrefix, token: string): BearerKeyParts | null {
  const match = SHAPES[prefix].exec(token);
  return match ? { keyId: match[1] as string, secret: match[2] as string } : null;
}

/** Compares in constant time. Uses `hash`, because `createHash` with its incremental object is twice as expensive. */
export function verifySecret(secret: string, secretHash: string): boolean {
  const expected = Buffer.from(secretHash, 'hex');
  const actual = hash('sha256', secret, 'buffer');
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function shapeOf(prefix: BearerKeyPrefix): RegExp {
  return new RegExp(`^${prefix}_([a-z0-9]{16})_([\\w-]{${SECRET_LENGTH}})$`);
}
