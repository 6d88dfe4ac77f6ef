import { createHmac, randomBytes } from 'node:crypto';

/** SHA-256 works on blocks of 64 bytes; HMAC pads its key to one block. */
const BLOCK_BYTES = 64;
const KEY_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** The secret of one database with which stamps are signed: 32 random bytes, as base64url. */
export type StampKey = string;

export function newStampKey(): StampKey {
  return randomBytes(KEY_BYTES).toString('base64url');
}

/**
 * The proof that a stamp was given out by the holder of the key: HMAC-SHA256 of the 16 bytes of the tenant's id, as 64
 * hexadecimal digits.
 *
 * @param tenantId a uuid
 */
export function proofOf(key: StampKey, tenantId: string): string {
  const id = Buffer.from(tenantId.replaceAll('-', ''), 'hex');
  return createHmac('sha256', Buffer.from(key, 'base64url')).update(id).digest('hex');
}

/**
 * The key as the database stores it: the two padded blocks of HMAC (RFC 2104), because PostgreSQL has `sha256` but
 * neither HMAC nor XOR for `bytea`.
 */
export interface HmacBlocks {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

export function toHmacBlocks(key: StampKey): HmacBlocks {
  const padded = Buffer.alloc(BLOCK_BYTES);
  Buffer.from(key, 'base64url').copy(padded);
  return {
    inner: padded.map((byte) => byte ^ INNER_PAD) as Buffer,
    outer: padded.map((byte) => byte ^ OUTER_PAD) as Buffer,
  };
}

/** The inverse of `toHmacBlocks`, for the owner, who may read the table. */
export function fromInnerBlock(inner: Buffer): StampKey {
  const key = Buffer.from(inner.subarray(0, KEY_BYTES).map((byte) => byte ^ INNER_PAD));
  return key.toString('base64url');
}
