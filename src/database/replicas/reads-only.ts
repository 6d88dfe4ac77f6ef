import { ReplicaReadOnlyError } from './replicas.errors.js';

/** What certainly writes. Of any other statement PostgreSQL decides, which runs it in a read-only transaction. */
const WRITES = /^\s*(?:insert|update|delete|merge)\b/i;
const READ_WRITE = /\bread\s+write\b/i;

/**
 * Refuses what writes, where only reads are allowed, before anything is sent.
 *
 * @param kind of the statement: rows, or a command
 * @throws ReplicaReadOnlyError
 */
export function assertReads(text: string, kind: string): void {
  if (kind === 'rows' && WRITES.test(text)) throw new ReplicaReadOnlyError('a statement');
  if (kind !== 'rows' && READ_WRITE.test(text)) throw new ReplicaReadOnlyError('a transaction');
}

/** @param begin built from constants; it may have modes */
export function readOnlyBegin(begin: string): string {
  if (/\bread\s+only\b/i.test(begin)) return begin;
  return begin === 'BEGIN' ? 'BEGIN READ ONLY' : `${begin}, READ ONLY`;
}
