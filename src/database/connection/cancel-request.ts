import type pg from 'pg';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { internalsOf, PgConnection } from './pg-internals.js';

/** Time limit for delivering the cancel request. A frozen or unreachable server never accepts it. */
const CANCEL_TIMEOUT_MS = 250;

/**
 * Cancels the statement running on a connection. The protocol requires a separate connection for the request
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS); it does not log in, so
 * it occupies no slot of the server's limit and is not counted. PgBouncer forwards it only while the client is
 * connected.
 *
 * Resolves when the server has received the request, which it signals by closing, or when the time limit has passed.
 * Never rejects.
 */
export function requestCancel(client: pg.Client): Promise<void> {
  const { host, port, processID, secretKey, connection } = internalsOf(client);
  if (processID === null || secretKey === null) return Promise.resolve(); // the server sent no cancel key
  return runWithoutContext(() => {
    const request = new PgConnection({ ssl: connection.ssl });
    const send = (): void => request.cancel(processID, secretKey);
    return new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(deadline);
        request.stream.destroy();
        resolve();
      };
      const deadline = setTimeout(settle, CANCEL_TIMEOUT_MS);
      request.on('connect', () => (connection.ssl === false ? send() : request.requestSsl()));
      request.on('sslconnect', send);
      request.on('error', settle); // best effort: without the cancel, the statement ends at its own timeout
      request.on('end', settle);
      if (host.startsWith('/')) request.connect(`${host}/.s.PGSQL.${port}`);
      else request.connect(port, host);
    });
  });
}

/**
 * Cancels the statement under way, if any. `Client#end` does not: the backend of a busy connection would continue with its
 * statement.
 *
 * @returns whether there was one
 */
export function cancelIfBusy(client: pg.Client): boolean {
  const { _connected: wasConnected, _ended: hasEnded, readyForQuery } = internalsOf(client);
  const isBusy = wasConnected && !hasEnded && !readyForQuery;
  if (isBusy) void requestCancel(client);
  return isBusy;
}
