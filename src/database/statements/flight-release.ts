import { discardReason } from '../connection/connection-failure.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import type { Flight } from './flight.js';
import { openTransactionReason, unreadStatementReason } from './readiness.js';

/**
 * Releases the connection of a flight that is over. Never throws: it is called from the connection's socket events, where
 * an error would be uncaught.
 *
 * @returns the error for the caller, or undefined after a success
 */
export function releaseAfter(flight: Flight, error: unknown, connection: PooledConnection): unknown {
  return release(connection, error, () => discardReasonFor(error, flight));
}

/** The same for a connection on which nothing was sent. */
export function releaseUnused(connection: PooledConnection, error: unknown): unknown {
  return release(connection, error, () => undefined);
}

function release(connection: PooledConnection, error: unknown, reason: () => string | undefined): unknown {
  try {
    connection.release(reason() ?? openTransactionReason(connection.client));
    return error === undefined ? undefined : (connection.revoked ?? error);
  } catch (failure) {
    return failure;
  }
}

function discardReasonFor(error: unknown, flight: Flight): string | undefined {
  if (flight.isCanceled) return 'a cancel request was sent to it';
  if (flight.isUnsendable) return undefined;
  return (error === undefined ? undefined : discardReason(error)) ?? unreadReason(flight);
}

function unreadReason({ statements }: Flight): string | undefined {
  for (const { record, statement } of statements) {
    const reason = record ? undefined : unreadStatementReason(statement);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
