import pg from 'pg';

/**
 * The one seam to what node-postgres 8.23 does not type: the protocol writer that a `Submittable` is handed, the message
 * handlers of its `Query` class, and a client's readiness (pg/lib/query.js, pg/lib/connection.js, pg/lib/client.js).
 */
export interface ProtocolWriter {
  parse(message: { text: string; name?: string }): void;
  bind(message: { portal?: string; statement?: string; values?: readonly unknown[] }): void;
  execute(message: { portal?: string; rows?: number }): void;
}

export interface WireQuery {
  queryMode: 'extended' | undefined;
  callback: ((error: Error | null, result?: unknown) => void) | undefined;
  prepare(writer: ProtocolWriter): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, writer: ProtocolWriter): void;
}

export interface WireQueryConfig {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  readonly rowMode?: string | undefined;
  readonly types?: pg.CustomTypesConfig | undefined;
  readonly queryMode: 'extended';
}

export const WireQuery = pg.Query as unknown as new (
  config: string | WireQueryConfig,
  values?: readonly unknown[],
) => WireQuery;

/** False from the sending of a statement until the server has said that it is ready for the next. */
export function isReady(client: pg.ClientBase): boolean {
  return (client as unknown as { readonly readyForQuery: boolean }).readyForQuery;
}
