import pg from 'pg';

/**
 * SQLSTATEs of a server that goes away (57P01 to 57P03), has no room (53: disk, memory, connections), is a standby by
 * now (25006), or was lost on the way (08): https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const GONE = /^(?:08|53|57P0[1-3]|25006)/;

const SOCKET_ERRORS: ReadonlySet<string | undefined> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]);

/** What node-postgres says of a connection without giving it a code. */
const WORDS =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client (?:has encountered a connection error|was closed))/;

/** Whether a database could not be asked or went away meanwhile, which is nobody's mistake and passes. */
export function isLostConnection(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  if (error instanceof pg.DatabaseError) return GONE.test(code ?? '');
  return SOCKET_ERRORS.has(code) || WORDS.test(message ?? '');
}
