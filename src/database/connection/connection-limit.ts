import pg from 'pg';

/** PostgreSQL's `too_many_connections`. */
const TOO_MANY_CONNECTIONS = '53300';

/**
 * The limit that a refused connection met: `max_connections` of the server, `CONNECTION LIMIT` of the login role or of the
 * database. Behind a pooler it is unknown, and not a matter of the server: the pooler keeps the connections.
 */
export type ConnectionLimit = 'server' | 'role' | 'database' | 'unknown';

/** By the routine that raised the error, which does not depend on the language of the message (PostgreSQL 15 to 18). */
const BY_ROUTINE: Readonly<Record<string, ConnectionLimit>> = {
  InitializeSessionUserId: 'role',
  CheckMyDatabase: 'database',
};

/** PgBouncer's code for each refusal, up to 1.18 also where it passes on PostgreSQL's. */
const PROTOCOL_VIOLATION = '08P01';
/** PgBouncer's own message, and those of PostgreSQL that it passes on, in English only. */
const NO_CONNECTION_LEFT =
  /^(?:no more connections allowed|too many connections for|sorry, too many clients|remaining connection slots)/;

/** @returns undefined when the error is a different one */
export function exceededLimit(error: unknown): ConnectionLimit | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  const { code, routine, message } = error;
  if (code === TOO_MANY_CONNECTIONS) return routine === undefined ? 'unknown' : (BY_ROUTINE[routine] ?? 'server');
  const isPooler = code === PROTOCOL_VIOLATION && routine === undefined;
  return isPooler && NO_CONNECTION_LEFT.test(message) ? 'unknown' : undefined;
}
