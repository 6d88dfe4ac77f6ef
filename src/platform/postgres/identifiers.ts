import { createHash } from 'node:crypto';

/** PostgreSQL's limit for names (NAMEDATALEN less the terminator); it truncates longer ones silently. */
export const MAX_IDENTIFIER_BYTES = 63;

/** Whether PostgreSQL takes a name as it is. */
export function fitsIdentifier(name: string): boolean {
  return Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES;
}

/** The name, of which as much is cut off as `ending` needs to fit behind it; never half of a character. */
export function truncatedIdentifier(name: string, ending: string): string {
  const kept = Buffer.from(name).subarray(0, MAX_IDENTIFIER_BYTES - Buffer.byteLength(ending));
  return kept.toString().replace(/\uFFFD+$/, '') + ending;
}

/** The first hex digits of a text's SHA-256, for names that stay the same and differ for different texts. */
export function shortHash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
