import pg from 'pg';

/**
 * SQLSTATEs of a server that is shutting down (57P01 to 57P03), out of resources (53: disk, memory, connections), now a
 * standby (25006), or unreachable (08): https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const GONE = /^(?:08|53|57P0[1-3]|25006)/;

/** Of the error 55000, which has many causes, for a database that accepts no connections (`ALTER DATABASE … ALLOW_CONNECTIONS false`). */
const CLOSED_DATABASE = { code: '55000', routine: 'CheckMyDatabase' };

/** Of Citus: the shard that a statement was planned for was moved or split before the statement came to it. */
const MOVED_SHARD = { code: 'XX000', message: /^could not find valid entry for shard \d/ };

const SOCKET_ERRORS: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Raised when an address leads to a server that refuses writes, which lasts until a switchover is over. */
const SERVER_READ_ONLY = 'SERVER_READ_ONLY';

/** Messages of node-postgres's connection errors that have no code. */
const MESSAGES =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client (?:has encountered a connection error|was closed))/;

/** Refusals of writes (25006) that say nothing about the server. */
const ownRefusals = new WeakSet<object>();

/** Marks the refusal of a write in a transaction that its caller has made read-only. */
export function markOwnRefusal(error: object): void {
  ownRefusals.add(error);
}

/** Whether `markOwnRefusal` was called for it. */
export function isOwnRefusal(error: object): boolean {
  return ownRefusals.has(error);
}

/** Whether the database was unreachable or the connection was lost: a transient error, not a bug. */
export function isLostConnection(error: unknown): boolean {
  const { code, message, driverError } = (error ?? {}) as { code?: string; message?: string; driverError?: unknown };
  if (driverError !== undefined) return isLostConnection(driverError); // wrapped by TypeORM
  if (error instanceof pg.DatabaseError) {
    return (GONE.test(code ?? '') && !isOwnRefusal(error)) || isClosedDatabase(error) || isMovedShard(error);
  }
  return SOCKET_ERRORS.has(code) || code === SERVER_READ_ONLY || MESSAGES.test(message ?? '');
}

/** Whether a statement did not find its shard of Citus, which has moved. It has had no effect, and finds the shard the next time. */
export function isMovedShard(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError && error.code === MOVED_SHARD.code && MOVED_SHARD.message.test(error.message)
  );
}

function isClosedDatabase({ code, routine }: pg.DatabaseError): boolean {
  return code === CLOSED_DATABASE.code && routine === CLOSED_DATABASE.routine;
}
