import { createHash } from 'node:crypto';

/** PostgreSQL's limit for names, in bytes. */
const MAX_NAME_BYTES = 63;

/**
 * The channel that a tenant's name stands for. Channels belong to a database, which tenants share.
 *
 * @returns the tenant's id and the name, hashed where both are too long for PostgreSQL
 */
export function channelOf(tenantId: string, name: string): string {
  const channel = `${tenantId}:${name}`;
  if (Buffer.byteLength(channel) <= MAX_NAME_BYTES) return channel;
  return `${tenantId}#${digest(tenantId, name).toString('base64url').slice(0, 26)}`;
}

/** The key of an advisory lock, a signed 64-bit integer. Advisory locks belong to a database, which tenants share. */
export function lockKeyOf(tenantId: string, name: string): string {
  return digest(tenantId, name).readBigInt64BE().toString();
}

function digest(tenantId: string, name: string): Buffer {
  return createHash('sha256').update(`${tenantId}:${name}`).digest();
}
