import pg from 'pg';

/** SQLSTATE classes and codes after which a connection is not used again. */
const FATAL_SQLSTATE = /^(?:08|57P0[1-5]|25006|XX)/;

/**
 * Why a connection is not fit for further use after this error, or undefined when it is.
 *
 * An error that the server sent about the statement leaves the connection healthy; everything else (socket errors,
 * client-side timeouts, protocol confusion) does not. 25006 is a write on a standby: the address now leads elsewhere.
 */
export function discardReason(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : 'unknown error';
  if (error.severity === 'FATAL' || error.severity === 'PANIC') return error.message;
  return FATAL_SQLSTATE.test(error.code ?? '') ? `SQLSTATE ${error.code}` : undefined;
}
