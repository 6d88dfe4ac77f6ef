import pg from 'pg';
import { runWithoutContext } from '../../platform/run-without-context.js';

/** How long the server may take to take note. One that is frozen or out of reach never does. */
const CANCEL_WITHIN_MS = 250;

/**
 * Asks the server to stop the statement that a connection is busy with, over a connection of its own as the protocol
 * wants it (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS). It is no login,
 * takes no place of the server's limit, and is counted nowhere. PgBouncer forwards it, while its client is still there.
 *
 * Resolves when the server has taken note, which it shows by closing, or could not be told in time. Never rejects.
 */
export function requestCancel(client: pg.Client): Promise<void> {
  const { host, port, processID, secretKey, connection } = client as unknown as CancellableClient;
  if (processID === null || secretKey === null) return Promise.resolve(); // the server gave no key
  return runWithoutContext(() => {
    const request = new CancelConnection({ ssl: connection.ssl });
    const send = (): void => request.cancel(processID, secretKey);
    return new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(deadline);
        request.stream.destroy();
        resolve();
      };
      const deadline = setTimeout(settle, CANCEL_WITHIN_MS);
      request.on('connect', () => (connection.ssl === false ? send() : request.requestSsl()));
      request.on('sslconnect', send);
      request.on('error', settle); // there is nobody to tell: without it the statement ends by its own deadline
      request.on('end', settle);
      if (host.startsWith('/')) request.connect(`${host}/.s.PGSQL.${port}`);
      else request.connect(port, host);
    });
  });
}

/** What node-postgres does not type (pg/lib/client.js, pg/lib/connection.js). */
interface CancellableClient {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly connection: { readonly ssl: pg.ClientConfig['ssl'] };
}

interface CancelConnection {
  readonly stream: { destroy(): void };
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
  on(event: 'connect' | 'sslconnect' | 'error' | 'end', listener: () => void): void;
}

const CancelConnection = pg.Connection as unknown as new (config: {
  readonly ssl: pg.ClientConfig['ssl'];
}) => CancelConnection;
