import { internalsOf } from '../connection/pg-internals.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';

/**
 * Resets a session for its next use: settings, role, advisory locks, temporary tables, `LISTEN` subscriptions, cursors.
 *
 * Fails in these cases:
 * - in a transaction or during a statement, where `DISCARD ALL` would be rejected or have to wait, and where silently undoing
 *   unfinished work would hide a bug;
 * - with named statements, which the server would drop while node-postgres still considers them prepared;
 * - when the server does not confirm it within `timeoutMs`.
 *
 * @returns false when the session may not be clean: the caller must close the connection, which ends all of it on the server
 */
export async function resetSession(connection: PhysicalConnection, timeoutMs: number): Promise<boolean> {
  if (!connection.isReady || hasNamedStatements(connection)) return false;
  connection.client.removeAllListeners('notification');
  connection.client.removeAllListeners('notice');
  try {
    await connection.client.query({ text: 'DISCARD ALL', query_timeout: timeoutMs } as { text: string });
    return connection.isClean;
  } catch {
    return false; // whatever the reason, the connection is closed
  }
}

function hasNamedStatements({ client }: PhysicalConnection): boolean {
  return Object.keys(internalsOf(client).connection.parsedStatements).length > 0;
}
