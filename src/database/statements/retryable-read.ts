import pg from 'pg';
import type { Statement } from './statement.js';

const READS = /^\s*(?:select|table|values)\b/i;
const LOCKS_OR_CREATES = /\bfor\s+(?:no\s+key\s+)?(?:update|(?:key\s+)?share)\b|\binto\b/i;

/** Whether a statement only reads, judging by its text. In doubt it counts as a write. */
export function isRead({ text }: Statement): boolean {
  return READS.test(text) && !LOCKS_OR_CREATES.test(text);
}

/**
 * Whether a statement certainly had no effect because its connection was dead: node-postgres did not send it, or the
 * server's first and only message ended the connection, which excludes a commit.
 *
 * A socket that broke without a message does not count: the statement may have run.
 */
export function neverTookEffect(error: unknown, hasExecuted: boolean): boolean {
  if (hasExecuted) return false;
  // PostgreSQL names the routine that raised the error. A pooler does not: it saw a connection end, not what ran on it.
  if (error instanceof pg.DatabaseError) return error.severity === 'FATAL' && error.routine !== undefined;
  return error instanceof Error && /not queryable/.test(error.message);
}
