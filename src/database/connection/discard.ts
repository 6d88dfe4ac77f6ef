import pg from 'pg';
import { isOwnRefusal } from '../../platform/postgres/lost-connection.js';

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
  if (isOwnRefusal(error)) return undefined;
  return FATAL_SQLSTATE.test(error.code ?? '') ? `SQLSTATE ${error.code}` : undefined;
}
