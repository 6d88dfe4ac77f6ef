import { createHash } from 'node:crypto';

/** In bytes: PostgreSQL's NAMEDATALEN minus the terminator. */
const MAX_LENGTH = 63;
const HASH_LENGTH = 12;

/**
 * Name of the new login role of a target: at most 63 characters of `a-z0-9_`. It depends only on the database and the
 * seed (the id of the rotation's operation), and differs between seeds.
 */
export function rotatedRoleName(database: string, seed: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([database, seed]))
    .digest('hex')
    .slice(0, HASH_LENGTH);
  const plain = database.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  return `${plain.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}_${hash}`;
}
