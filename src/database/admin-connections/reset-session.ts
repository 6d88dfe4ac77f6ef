import type { PhysicalConnection } from '../connection/physical-connection.js';

/**
 * Leaves nothing of one piece of work to the next: settings, role, advisory locks, temporary tables, subscriptions,
 * cursors. False when that cannot be promised, and the connection is to be closed, which ends all of it on the server:
 *
 * - in a transaction or in the middle of a statement, where `DISCARD ALL` is refused or would wait, and where undoing
 *   somebody's half-done work quietly would hide their mistake;
 * - with named statements, which the server would forget while node-postgres believes that it has them;
 * - when the server does not say yes in time, or at all.
 */
export async function resetSession(connection: PhysicalConnection, timeoutMs: number): Promise<boolean> {
  if (!connection.isClean || hasNamedStatements(connection)) return false;
  connection.client.removeAllListeners('notification');
  connection.client.removeAllListeners('notice');
  try {
    await connection.client.query({ text: 'DISCARD ALL', query_timeout: timeoutMs } as { text: string });
    return true;
  } catch {
    return false; // why does not matter: it is closed
  }
}

/** What node-postgres does not type (pg/lib/connection.js). */
function hasNamedStatements({ client }: PhysicalConnection): boolean {
  const { connection } = client as unknown as { connection: { parsedStatements: object } };
  return Object.keys(connection.parsedStatements).length > 0;
}
