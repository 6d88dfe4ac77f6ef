import { createHash } from 'node:crypto';
import { fitsIdentifier } from '../../platform/postgres/identifiers.js';

/**
 * The channel that a tenant's name stands for. Channels belong to a database, which tenants share.
 *
 * @returns the tenant's id and the name, hashed where both are too long for PostgreSQL
 */
export function channelOf(tenantId: string, name: string): string {
  const channel = `${tenantId}:${name}`;
  if (fitsIdentifier(channel)) return channel;
  return `${tenantId}#${digest(tenantId, name).toString('base64url').slice(0, 26)}`;
}

/** The key of an advisory lock, a signed 64-bit integer. Advisory locks belong to a database, which tenants share. */
export function lockKeyOf(tenantId: string, name: string): string {
  return digest(tenantId, name).readBigInt64BE().toString();
}

function digest(tenantId: string, name: string): Buffer {
  return createHash('sha256').update(`${tenantId}:${name}`).digest();
}
