import { createHash } from 'node:crypto';

const HASH_LENGTH = 4;

/**
 * Short label of a target: its database, and a hash of server and role, because every server has a shared database of
 * the same name. Reveals neither host nor role.
 *
 * @param target `role@host:port/database`
 */
export function targetLabel(target: string): string {
  const end = target.lastIndexOf('/');
  const hash = createHash('sha256').update(target.slice(0, end)).digest('hex').slice(0, HASH_LENGTH);
  return `${target.slice(end + 1)}-${hash}`;
}
