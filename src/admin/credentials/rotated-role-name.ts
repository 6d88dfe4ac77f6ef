import { createHash } from 'node:crypto';

/** PostgreSQL's NAMEDATALEN less its terminator, in bytes. */
const LONGEST = 63;
const HASH_LENGTH = 12;

/**
 * Name of the login role that follows a target's present one: at most 63 characters of `a-z0-9_`, the same for the same
 * database and seed (the id of the rotation's operation), another one for every other.
 */
export function rotatedRoleName(database: string, seed: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([database, seed]))
    .digest('hex')
    .slice(0, HASH_LENGTH);
  const plain = database.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  return `${plain.slice(0, LONGEST - HASH_LENGTH - 1)}_${hash}`;
}
