import pg from 'pg';
import type { Statement } from './statement.js';

const READS = /^\s*(?:select|table|values|show)\b/i;
const LOCKS_OR_CREATES = /\bfor\s+(?:no\s+key\s+)?(?:update|(?:key\s+)?share)\b|\binto\b/i;

/** Whether a statement only reads, as far as its text tells: what is not sure counts as a write. */
export function isRead({ text }: Statement): boolean {
  return READS.test(text) && !LOCKS_OR_CREATES.test(text);
}

/**
 * Whether a statement certainly had no effect because its connection was dead: node-postgres refused to send it, or the
 * server's first and only word was that it ends the connection, which it says instead of committing.
 *
 * A socket that broke without a word does not count: the statement may have run.
 */
export function neverTookEffect(error: unknown, hasAnswered: boolean): boolean {
  if (hasAnswered) return false;
  // PostgreSQL names the routine that speaks. A pooler does not: it saw a connection end, and not what ran on it.
  if (error instanceof pg.DatabaseError) return error.severity === 'FATAL' && error.routine !== undefined;
  return error instanceof Error && /not queryable/.test(error.message);
}
