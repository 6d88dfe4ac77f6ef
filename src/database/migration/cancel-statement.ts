import pg from 'pg';

/** How long the way to the server may take. */
const DEADLINE_MS = 1_000;

/** What node-postgres does not type (pg/lib/client.js, pg/lib/connection.js). */
interface ClientInnards {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean | object;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

interface ConnectionInnards {
  readonly stream: { destroy(): void; end(): void };
  connect(port: number, host: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  on(event: 'connect' | 'sslconnect' | 'end' | 'error', listener: () => void): void;
}

/**
 * Asks the server to end the statement that the client is waiting for, over a connection of its own, as the protocol
 * wants it (PostgreSQL 53.2.8 "Canceling Requests in Progress"). No answer comes: whether it was in time shows on the
 * client. Resolves when the request was sent or could not be; never rejects, because the client is closed either way.
 */
export function cancelStatement(client: pg.ClientBase): Promise<void> {
  const { host, port, ssl, processID, secretKey } = client as unknown as ClientInnards;
  if (processID === null || secretKey === null) return Promise.resolve();
  const connection = new pg.Connection({ ssl } as object) as unknown as ConnectionInnards;
  const send = (): void => connection.cancel(processID, secretKey); // the server hangs up when it has read it
  return new Promise((resolve) => {
    const timer = setTimeout(() => connection.stream.destroy(), DEADLINE_MS);
    connection.on('error', () => connection.stream.destroy());
    connection.on('end', () => {
      clearTimeout(timer);
      resolve();
    });
    connection.on('connect', () => (ssl === false ? send() : connection.requestSsl()));
    connection.on('sslconnect', send);
    connection.connect(port, host);
  });
}
