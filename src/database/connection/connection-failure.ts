import pg from 'pg';
import { isMovedShard, isOwnRefusal } from '../../platform/postgres/lost-connection.js';
import { type ConnectionTarget, type ServerAddress, targetName } from './connection-target.js';

/** SQLSTATE classes and codes after which a connection must not be reused. */
const FATAL_SQLSTATE = /^(?:08|57P0[1-5]|25006|XX)/;

/**
 * Why a connection cannot be reused after this error; undefined when it can.
 *
 * An error that the server reports about a statement leaves the connection healthy; any other error (socket,
 * client-side timeout, protocol) does not. 25006 is a write on a standby: the address now leads to a different server.
 */
export function discardReason(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : 'unknown error';
  if (error.severity === 'FATAL' || error.severity === 'PANIC') return error.message;
  if (isOwnRefusal(error) || isMovedShard(error)) return undefined;
  return FATAL_SQLSTATE.test(error.code ?? '') ? `SQLSTATE ${error.code}` : undefined;
}

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

/** The log line when a server has no connection left. */
export function describeFullServer({ host, port }: ServerAddress, open: number): string {
  return (
    `PostgreSQL at ${host}:${port} has no connection left (max_connections): this process makes do with ${open}, and ` +
    'callers wait for one of these. Lower DB_SERVER_MAX_CONNECTIONS, or raise max_connections'
  );
}

/** The log line when a target's role, database or pooler has no connection left. */
export function describeLimit(limit: ConnectionLimit, target: ConnectionTarget, open: number): string {
  return (
    `No connection left to ${targetName(target)}: ${nameOf(limit, target)} is reached. This process makes do with ` +
    `${open} of them, and callers wait for one of these`
  );
}

function nameOf(limit: ConnectionLimit, { role, database }: ConnectionTarget): string {
  switch (limit) {
    case 'role':
      return `the CONNECTION LIMIT of role "${role}" (ALTER ROLE)`;
    case 'database':
      return `the CONNECTION LIMIT of database "${database}" (ALTER DATABASE)`;
    case 'server':
      return 'max_connections of the server';
    case 'unknown':
      return 'a limit of the pooler, or of the server behind it,';
  }
}
