import type pg from 'pg';

/** Bytes exchanged with the server so far: between two equal readings nothing was sent or received. */
export function trafficOf(client: pg.ClientBase): number {
  const { bytesRead, bytesWritten } = internals(client).connection.stream;
  return bytesRead + bytesWritten;
}

/** Whether a statement is running. A cursor or stream that waits for its reader is not one. */
export function isServerWorking(client: pg.ClientBase): boolean {
  const { readyForQuery, _activeQuery: query } = internals(client);
  return !readyForQuery && (query?.cursor ?? query)?.state !== 'idle';
}

/** Internals that @types/pg does not declare (pg/lib/client.js), and the state of a cursor (pg-cursor/index.js). */
interface ClientInternals {
  readonly readyForQuery: boolean;
  readonly _activeQuery: (CursorState & { readonly cursor?: CursorState }) | null;
  readonly connection: { readonly stream: { readonly bytesRead: number; readonly bytesWritten: number } };
}

interface CursorState {
  readonly state?: unknown;
}

function internals(client: pg.ClientBase): ClientInternals {
  return client as unknown as ClientInternals;
}
